-- What scanners said, what they still owe us, and what we may still ask them.
create table scan (
    id text primary key,
    sha256 text not null unique check (length(sha256) = 64),
    state text not null check (state in ('asked', 'uploading', 'analysing', 'reported', 'unanswered')),
    analysis_id text,
    report text,
    asked_at integer not null,
    changed_at integer not null,
    check (state <> 'analysing' or analysis_id is not null),
    check (state <> 'reported' or report is not null)
) strict;

create table quota_window (
    service text not null,
    name text not null,
    starts_at integer not null,
    used integer not null check (used >= 0),
    primary key (service, name)
) strict;

create table quota_pause (
    service text primary key,
    until_at integer not null
) strict;

-- Failures as the service desk sees them.
create table incident (
    id text primary key,
    scope text not null,
    title text not null,
    class text not null,
    state text not null check (state in ('open', 'acknowledged', 'resolved')),
    priority text not null check (priority in ('P1', 'P2', 'P3', 'P4')),
    cause text not null,
    next_step text not null,
    run_id text,
    step text,
    excerpt text not null,
    repeats integer not null check (repeats >= 1),
    reopened integer not null check (reopened >= 0),
    first_seen_at integer not null,
    last_seen_at integer not null,
    opened_at integer not null,
    respond_by_at integer not null,
    resolve_by_at integer not null,
    acknowledged_at integer,
    acknowledged_by text,
    resolved_at integer,
    resolution text,
    told_at integer not null,
    check ((state = 'resolved') = (resolved_at is not null))
) strict;

-- One incident at a time of a kind: repeats count on it.
create unique index incident_unresolved on incident (scope, title, class) where state <> 'resolved';
create index incident_by_key on incident (scope, title, class, id);

create table incident_event (
    incident_id text not null references incident (id),
    sequence integer not null check (sequence >= 1),
    kind text not null check (kind in ('opened', 'updated', 'reopened', 'resolved')),
    happened_at integer not null,
    payload text not null,
    primary key (incident_id, sequence)
) strict;

-- The outbox: one row for one event to one desk.
create table delivery (
    id text primary key,
    incident_id text not null,
    sequence integer not null,
    connector text not null,
    state text not null check (state in ('pending', 'delivered', 'failed')),
    attempts integer not null check (attempts >= 0),
    created_at integer not null,
    due_at integer not null,
    leased_until_at integer,
    delivered_at integer,
    last_error text,
    unique (incident_id, sequence, connector),
    foreign key (incident_id, sequence) references incident_event (incident_id, sequence),
    check ((state = 'delivered') = (delivered_at is not null))
) strict;

create index delivery_pending on delivery (due_at) where state = 'pending';

-- Desks that told us never to come back.
create table connector_disabled (
    connector text primary key,
    disabled_at integer not null,
    reason text not null
) strict;
