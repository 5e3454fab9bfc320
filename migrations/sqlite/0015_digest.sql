-- The daily letters of the desk: one for each day and connector.
create table digest (
    day text not null,
    connector text not null,
    attempts integer not null check (attempts >= 0),
    leased_until_at integer not null,
    sent_at integer,
    primary key (day, connector)
) strict;
