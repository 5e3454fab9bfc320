-- What people have said to runs that wait for one: a record to which entries are only added.
create table hold_decision (
    id text collate "C" primary key,
    run_id text collate "C" not null references run (id),
    verdict text collate "C" not null check (verdict in ('approve', 'refuse')),
    decided_by text collate "C" not null,
    reason text collate "C" not null,
    -- The digest of what was decided on: two people who saw different things have not agreed.
    about text collate "C" not null check (length(about) = 64),
    decided_at bigint not null
);

create index hold_decision_by_run on hold_decision (run_id, id);
create index run_held on run (title, id) where state in ('held', 'failed');

-- What was released lately is asked about again.
create index release_by_time on release (released_at);
