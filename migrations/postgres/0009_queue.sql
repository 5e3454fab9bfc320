-- Which run goes first, and who may carry it.
alter table run add column priority bigint not null default 0;
-- The node whose workspace holds what the run staged; another one takes it when that one is gone.
alter table run add column node text collate "C";
-- Null: any worker may; else one that has this label.
alter table run add column label text collate "C";
-- How often it was tried before, itself included: one that failed in passing is tried again as another run.
alter table run add column tries bigint not null default 1;
-- Who asked that it be stopped.
alter table run add column cancelled_by text collate "C";

drop index run_due;
create index run_claim on run (priority desc, due_at, id)
    where state in ('queued', 'running', 'scanning', 'publishing');

-- Titles whose runs must be over before this one begins.
create table run_wait (
    run_id text collate "C" not null references run (id),
    title text collate "C" not null,
    primary key (run_id, title)
);

-- The services that share this state, and when they last said that they are alive.
create table node (
    name text collate "C" primary key,
    version text collate "C" not null,
    -- JSON lists.
    roles text collate "C" not null,
    labels text collate "C" not null,
    started_at bigint not null,
    seen_at bigint not null
);

-- Schedules that rest; the title `*` is all of them.
create table schedule_pause (
    title text collate "C" primary key,
    reason text collate "C" not null,
    paused_by text collate "C" not null,
    paused_at bigint not null,
    until_at bigint
);
