-- What desks know of an incident, when its clocks stand still, and how much of them was told.
create table incident_keeping (
    incident_id text collate "C" primary key references incident (id),
    paused_at bigint,
    pause_reason text collate "C" check (pause_reason in ('vendor', 'customer', 'other')),
    respond_told bigint not null check (respond_told >= 0),
    resolve_told bigint not null check (resolve_told >= 0),
    merged_into text collate "C",
    quiet_reason text collate "C" check (quiet_reason in ('maintenance', 'patience', 'flapping')),
    quiet_until_at bigint,
    known text collate "C" not null check (known in ('nothing', 'open', 'over')),
    check ((paused_at is null) = (pause_reason is null)),
    check ((quiet_reason is null) = (quiet_until_at is null))
);
create index incident_keeping_quiet on incident_keeping (quiet_until_at) where quiet_until_at is not null;

insert into incident_keeping (incident_id, respond_told, resolve_told, known)
select id, 0, 0, case when state = 'resolved' then 'over' else 'open' end
from incident;

-- Kinds of events are added from now on, so the program alone says which there are.
alter table incident_event drop constraint incident_event_kind_check;
create index delivery_by_connector on delivery (connector, state);

-- Times in which desks are not told. The lists are JSON; an empty one means every title, or every class.
create table maintenance (
    name text collate "C" primary key,
    starts_at bigint not null,
    ends_at bigint not null,
    titles text collate "C" not null,
    classes text collate "C" not null,
    reason text collate "C" not null,
    made_by text collate "C" not null,
    made_at bigint not null,
    check (starts_at <= ends_at)
);
create index maintenance_by_end on maintenance (ends_at);
