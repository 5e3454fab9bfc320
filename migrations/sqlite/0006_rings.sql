-- What a person has said of items in the rings: a rule holds until it is ended.
create table ring_rule (
    id text primary key,
    kind text not null check (kind in ('hold', 'pin', 'recall', 'urgent')),
    name text not null,
    -- Null: every version; only a hold can be about all.
    version text,
    -- Null: every ring.
    ring text,
    reason text not null,
    made_by text not null,
    made_at integer not null,
    ended_by text,
    end_reason text,
    ended_at integer,
    check (kind = 'hold' or version is not null),
    check ((ended_at is null) = (ended_by is null) and (ended_at is null) = (end_reason is null))
) strict;

create index ring_rule_holding on ring_rule (name) where ended_at is null;

-- Since when, and until when, an item was in a catalog, and by what: entries are added, and ended once.
create table ring_stay (
    id integer primary key,
    pkginfo text not null,
    name text not null,
    version text not null,
    catalog text not null,
    entered_at integer not null,
    entered_why text not null,
    entered_by text,
    left_at integer,
    left_why text,
    left_by text,
    check ((left_at is null) = (left_why is null))
) strict;

-- An item is in a catalog once.
create unique index ring_stay_now on ring_stay (pkginfo, catalog) where left_at is null;
create index ring_stay_by_name on ring_stay (name, version);

-- What was changed in the repository that no run has published. A change set is written down here before it is applied,
-- so that after a crash it can be told what became of it.
create table repository_change (
    change_set_id text primary key,
    told text not null,
    state text not null check (state in ('started', 'done', 'rolled-back')),
    started_at integer not null,
    finished_at integer,
    check ((state = 'started') = (finished_at is null))
) strict;

create index repository_change_open on repository_change (started_at) where state = 'started';
