-- What desks call our incidents, so that later events reach the same ticket.
create table ticket (
    incident_id text not null references incident (id),
    connector text not null,
    reference text not null,
    url text,
    noted_at integer not null,
    primary key (incident_id, connector)
) strict;

-- How each connector has fared. A row appears with its first attempt.
create table connector_health (
    connector text primary key,
    delivered_at integer,
    failed_at integer,
    failures integer not null default 0 check (failures >= 0),
    last_error text,
    resting_until_at integer
) strict;
