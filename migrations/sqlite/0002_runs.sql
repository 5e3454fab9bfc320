-- Executions of overrides, from the queue to their end. Times are microseconds since 1970, UTC.
create table run (
    id text primary key,
    title text not null,
    trigger_word text not null check (trigger_word in ('manual', 'schedule')),
    request text not null,
    state text not null check (state in (
        'queued', 'running', 'scanning', 'publishing', 'published', 'unchanged', 'held', 'failed', 'cancelled'
    )),
    queued_at integer not null,
    started_at integer,
    finished_at integer,
    due_at integer not null,
    deadline_at integer,
    parked text,
    attempts integer not null default 0 check (attempts >= 0),
    fence integer not null default 0 check (fence >= 0),
    lease_owner text,
    leased_until_at integer,
    class text,
    cause text,
    next_step text,
    step text,
    detail text,
    incident_id text,
    desk_told integer not null default 0 check (desk_told in (0, 1)),
    check ((lease_owner is null) = (leased_until_at is null)),
    check ((state in ('published', 'unchanged', 'held', 'failed', 'cancelled')) = (finished_at is not null)),
    check (state not in ('scanning', 'publishing') or parked is not null),
    check (state not in ('held', 'failed') or (class is not null and cause is not null))
) strict;

-- One run of a title at a time.
create unique index run_active on run (title) where state in ('queued', 'running', 'scanning', 'publishing');
create index run_due on run (due_at) where state in ('queued', 'running', 'scanning', 'publishing');
create index run_by_title on run (title, id);
create index run_untold on run (finished_at) where finished_at is not null and desk_told = 0;

create table step (
    run_id text not null references run (id),
    position integer not null check (position >= 0),
    processor text not null,
    state text not null check (state in ('running', 'done', 'failed')),
    started_at integer not null,
    finished_at integer,
    input text,
    output text,
    messages text not null default '',
    primary key (run_id, position),
    check ((state = 'running') = (finished_at is null))
) strict;

-- What came over the network, and where from.
create table download (
    run_id text not null references run (id),
    path text not null,
    url text not null,
    sha256 text check (length(sha256) = 64),
    len_bytes integer check (len_bytes >= 0),
    changed integer not null check (changed in (0, 1)),
    seen_at integer not null,
    primary key (run_id, path)
) strict;

create index download_by_sha256 on download (sha256);

-- What was trusted, when and by whom; the newest of a title holds.
create table approval (
    id text primary key,
    title text not null,
    closure text not null,
    approved_at integer not null,
    approved_by text not null
) strict;

create index approval_by_title on approval (title, id);

-- What went into the repository: one row for one change set.
create table publication (
    change_set_id text primary key,
    run_id text not null references run (id),
    title text not null,
    items text not null,
    state text not null check (state in ('started', 'published', 'rolled-back')),
    started_at integer not null,
    finished_at integer,
    check ((state = 'started') = (finished_at is null))
) strict;

create index publication_by_title on publication (title, started_at);

-- What was released of a title, to notice another identity, other bytes of the same version, and steps back.
create table release (
    title text not null,
    name text not null,
    version text not null,
    sha256 text not null check (length(sha256) = 64),
    identity text,
    run_id text not null references run (id),
    released_at integer not null,
    primary key (title, name, version, sha256)
) strict;

-- Up to when the times of a scheduled override have been dealt with.
create table schedule (
    title text primary key,
    considered_at integer not null,
    fired_at integer,
    run_id text references run (id)
) strict;
