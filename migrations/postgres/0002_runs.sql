-- Executions of overrides, from the queue to their end. Times are microseconds since 1970, UTC.
create table run (
    id text collate "C" primary key,
    title text collate "C" not null,
    trigger_word text collate "C" not null check (trigger_word in ('manual', 'schedule')),
    request text collate "C" not null,
    state text collate "C" not null check (state in (
        'queued', 'running', 'scanning', 'publishing', 'published', 'unchanged', 'held', 'failed', 'cancelled'
    )),
    queued_at bigint not null,
    started_at bigint,
    finished_at bigint,
    due_at bigint not null,
    deadline_at bigint,
    parked text collate "C",
    attempts bigint not null default 0 check (attempts >= 0),
    fence bigint not null default 0 check (fence >= 0),
    lease_owner text collate "C",
    leased_until_at bigint,
    class text collate "C",
    cause text collate "C",
    next_step text collate "C",
    step text collate "C",
    detail text collate "C",
    incident_id text collate "C",
    desk_told bigint not null default 0 check (desk_told in (0, 1)),
    check ((lease_owner is null) = (leased_until_at is null)),
    check ((state in ('published', 'unchanged', 'held', 'failed', 'cancelled')) = (finished_at is not null)),
    check (state not in ('scanning', 'publishing') or parked is not null),
    check (state not in ('held', 'failed') or (class is not null and cause is not null))
);

-- One run of a title at a time.
create unique index run_active on run (title) where state in ('queued', 'running', 'scanning', 'publishing');
create index run_due on run (due_at) where state in ('queued', 'running', 'scanning', 'publishing');
create index run_by_title on run (title, id);
create index run_untold on run (finished_at) where finished_at is not null and desk_told = 0;

create table step (
    run_id text collate "C" not null references run (id),
    position bigint not null check (position >= 0),
    processor text collate "C" not null,
    state text collate "C" not null check (state in ('running', 'done', 'failed')),
    started_at bigint not null,
    finished_at bigint,
    input text collate "C",
    output text collate "C",
    messages text collate "C" not null default '',
    primary key (run_id, position),
    check ((state = 'running') = (finished_at is null))
);

-- What came over the network, and where from.
create table download (
    run_id text collate "C" not null references run (id),
    path text collate "C" not null,
    url text collate "C" not null,
    sha256 text collate "C" check (length(sha256) = 64),
    len_bytes bigint check (len_bytes >= 0),
    changed bigint not null check (changed in (0, 1)),
    seen_at bigint not null,
    primary key (run_id, path)
);

create index download_by_sha256 on download (sha256);

-- What was trusted, when and by whom; the newest of a title holds.
create table approval (
    id text collate "C" primary key,
    title text collate "C" not null,
    closure text collate "C" not null,
    approved_at bigint not null,
    approved_by text collate "C" not null
);

create index approval_by_title on approval (title, id);

-- What went into the repository: one row for one change set.
create table publication (
    change_set_id text collate "C" primary key,
    run_id text collate "C" not null references run (id),
    title text collate "C" not null,
    items text collate "C" not null,
    state text collate "C" not null check (state in ('started', 'published', 'rolled-back')),
    started_at bigint not null,
    finished_at bigint,
    check ((state = 'started') = (finished_at is null))
);

create index publication_by_title on publication (title, started_at);

-- What was released of a title, to notice another identity, other bytes of the same version, and steps back.
create table release (
    title text collate "C" not null,
    name text collate "C" not null,
    version text collate "C" not null,
    sha256 text collate "C" not null check (length(sha256) = 64),
    identity text collate "C",
    run_id text collate "C" not null references run (id),
    released_at bigint not null,
    primary key (title, name, version, sha256)
);

-- Up to when the times of a scheduled override have been dealt with.
create table schedule (
    title text collate "C" primary key,
    considered_at bigint not null,
    fired_at bigint,
    run_id text collate "C" references run (id)
);
