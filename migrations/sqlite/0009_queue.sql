-- Which run goes first, and who may carry it.
alter table run add column priority integer not null default 0;
-- The node whose workspace holds what the run staged; another one takes it when that one is gone.
alter table run add column node text;
-- Null: any worker may; else one that has this label.
alter table run add column label text;
-- How often it was tried before, itself included: one that failed in passing is tried again as another run.
alter table run add column tries integer not null default 1;
-- Who asked that it be stopped.
alter table run add column cancelled_by text;

drop index run_due;
create index run_claim on run (priority desc, due_at, id)
    where state in ('queued', 'running', 'scanning', 'publishing');

-- Titles whose runs must be over before this one begins.
create table run_wait (
    run_id text not null references run (id),
    title text not null,
    primary key (run_id, title)
) strict;

-- The services that share this state, and when they last said that they are alive.
create table node (
    name text primary key,
    version text not null,
    -- JSON lists.
    roles text not null,
    labels text not null,
    started_at integer not null,
    seen_at integer not null
) strict;

-- Schedules that rest; the title `*` is all of them.
create table schedule_pause (
    title text primary key,
    reason text not null,
    paused_by text not null,
    paused_at integer not null,
    until_at integer
) strict;
