-- What people have said to runs that wait for one: a record to which entries are only added.
create table hold_decision (
    id text primary key,
    run_id text not null references run (id),
    verdict text not null check (verdict in ('approve', 'refuse')),
    decided_by text not null,
    reason text not null,
    -- The digest of what was decided on: two people who saw different things have not agreed.
    about text not null check (length(about) = 64),
    decided_at integer not null
) strict;

create index hold_decision_by_run on hold_decision (run_id, id);
create index run_held on run (title, id) where state in ('held', 'failed');

-- What was released lately is asked about again.
create index release_by_time on release (released_at);
