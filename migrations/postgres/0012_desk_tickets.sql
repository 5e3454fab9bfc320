-- What desks call our incidents, so that later events reach the same ticket.
create table ticket (
    incident_id text collate "C" not null references incident (id),
    connector text collate "C" not null,
    reference text collate "C" not null,
    url text collate "C",
    noted_at bigint not null,
    primary key (incident_id, connector)
);

-- How each connector has fared. A row appears with its first attempt.
create table connector_health (
    connector text collate "C" primary key,
    delivered_at bigint,
    failed_at bigint,
    failures bigint not null default 0 check (failures >= 0),
    last_error text collate "C",
    resting_until_at bigint
);
