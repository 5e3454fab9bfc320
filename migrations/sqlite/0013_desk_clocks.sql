-- What desks know of an incident, when its clocks stand still, and how much of them was told.
create table incident_keeping (
    incident_id text primary key references incident (id),
    paused_at integer,
    pause_reason text check (pause_reason in ('vendor', 'customer', 'other')),
    respond_told integer not null check (respond_told >= 0),
    resolve_told integer not null check (resolve_told >= 0),
    merged_into text,
    quiet_reason text check (quiet_reason in ('maintenance', 'patience', 'flapping')),
    quiet_until_at integer,
    known text not null check (known in ('nothing', 'open', 'over')),
    check ((paused_at is null) = (pause_reason is null)),
    check ((quiet_reason is null) = (quiet_until_at is null))
) strict;
create index incident_keeping_quiet on incident_keeping (quiet_until_at) where quiet_until_at is not null;

insert into incident_keeping (incident_id, respond_told, resolve_told, known)
select id, 0, 0, case when state = 'resolved' then 'over' else 'open' end
from incident;

-- Kinds of events are added from now on, so the program alone says which there are. SQLite cannot drop a check, so
-- both tables are made anew.
create table incident_event_anew (
    incident_id text not null references incident (id),
    sequence integer not null check (sequence >= 1),
    kind text not null,
    happened_at integer not null,
    payload text not null,
    primary key (incident_id, sequence)
) strict;
insert into incident_event_anew (incident_id, sequence, kind, happened_at, payload)
select incident_id, sequence, kind, happened_at, payload
from incident_event;

create table delivery_anew (
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
    foreign key (incident_id, sequence) references incident_event_anew (incident_id, sequence),
    check ((state = 'delivered') = (delivered_at is not null))
) strict;
insert into delivery_anew (id, incident_id, sequence, connector, state, attempts, created_at, due_at,
                           leased_until_at, delivered_at, last_error)
select id, incident_id, sequence, connector, state, attempts, created_at, due_at,
       leased_until_at, delivered_at, last_error
from delivery;
drop table delivery;
drop table incident_event;
alter table incident_event_anew rename to incident_event;
alter table delivery_anew rename to delivery;
create index delivery_pending on delivery (due_at) where state = 'pending';
create index delivery_by_connector on delivery (connector, state);

-- Times in which desks are not told. The lists are JSON; an empty one means every title, or every class.
create table maintenance (
    name text primary key,
    starts_at integer not null,
    ends_at integer not null,
    titles text not null,
    classes text not null,
    reason text not null,
    made_by text not null,
    made_at integer not null,
    check (starts_at <= ends_at)
) strict;
create index maintenance_by_end on maintenance (ends_at);
