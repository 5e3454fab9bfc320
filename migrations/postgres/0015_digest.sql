-- The daily letters of the desk: one for each day and connector.
create table digest (
    day text collate "C" not null,
    connector text collate "C" not null,
    attempts bigint not null check (attempts >= 0),
    leased_until_at bigint not null,
    sent_at bigint,
    primary key (day, connector)
);
