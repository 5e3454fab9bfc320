-- What scanners said, what they still owe us, and what we may still ask them.
create table scan (
    id text collate "C" primary key,
    sha256 text collate "C" not null unique check (length(sha256) = 64),
    state text collate "C" not null check (state in ('asked', 'uploading', 'analysing', 'reported', 'unanswered')),
    analysis_id text collate "C",
    report text collate "C",
    asked_at bigint not null,
    changed_at bigint not null,
    check (state <> 'analysing' or analysis_id is not null),
    check (state <> 'reported' or report is not null)
);

create table quota_window (
    service text collate "C" not null,
    name text collate "C" not null,
    starts_at bigint not null,
    used bigint not null check (used >= 0),
    primary key (service, name)
);

create table quota_pause (
    service text collate "C" primary key,
    until_at bigint not null
);

-- Failures as the service desk sees them.
create table incident (
    id text collate "C" primary key,
    scope text collate "C" not null,
    title text collate "C" not null,
    class text collate "C" not null,
    state text collate "C" not null check (state in ('open', 'acknowledged', 'resolved')),
    priority text collate "C" not null check (priority in ('P1', 'P2', 'P3', 'P4')),
    cause text collate "C" not null,
    next_step text collate "C" not null,
    run_id text collate "C",
    step text collate "C",
    excerpt text collate "C" not null,
    repeats bigint not null check (repeats >= 1),
    reopened bigint not null check (reopened >= 0),
    first_seen_at bigint not null,
    last_seen_at bigint not null,
    opened_at bigint not null,
    respond_by_at bigint not null,
    resolve_by_at bigint not null,
    acknowledged_at bigint,
    acknowledged_by text collate "C",
    resolved_at bigint,
    resolution text collate "C",
    told_at bigint not null,
    check ((state = 'resolved') = (resolved_at is not null))
);

-- One incident at a time of a kind: repeats count on it.
create unique index incident_unresolved on incident (scope, title, class) where state <> 'resolved';
create index incident_by_key on incident (scope, title, class, id);

create table incident_event (
    incident_id text collate "C" not null references incident (id),
    sequence bigint not null check (sequence >= 1),
    kind text collate "C" not null check (kind in ('opened', 'updated', 'reopened', 'resolved')),
    happened_at bigint not null,
    payload text collate "C" not null,
    primary key (incident_id, sequence)
);

-- The outbox: one row for one event to one desk.
create table delivery (
    id text collate "C" primary key,
    incident_id text collate "C" not null,
    sequence bigint not null,
    connector text collate "C" not null,
    state text collate "C" not null check (state in ('pending', 'delivered', 'failed')),
    attempts bigint not null check (attempts >= 0),
    created_at bigint not null,
    due_at bigint not null,
    leased_until_at bigint,
    delivered_at bigint,
    last_error text collate "C",
    unique (incident_id, sequence, connector),
    foreign key (incident_id, sequence) references incident_event (incident_id, sequence),
    check ((state = 'delivered') = (delivered_at is not null))
);

create index delivery_pending on delivery (due_at) where state = 'pending';

-- Desks that told us never to come back.
create table connector_disabled (
    connector text collate "C" primary key,
    disabled_at bigint not null,
    reason text collate "C" not null
);
