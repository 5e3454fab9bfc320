-- Who signed what of a title, and what became of that: a record to which entries are only added.
-- `held`: a run found it, and waits for a person. `approved`, `refused`: what the person said. `accepted`: a run
-- published what is signed so; the newest such entry of a title is what the next run is held against.
create table identity (
    id text primary key,
    title text not null,
    state text not null check (state in ('held', 'approved', 'refused', 'accepted')),
    -- Everything that the run verified; an empty list if it verified nothing.
    identities text not null,
    -- What was accepted at that time; null if nothing was.
    accepted text,
    run_id text not null references run (id),
    recorded_at integer not null,
    decided_by text,
    reason text,
    check ((state in ('approved', 'refused')) = (decided_by is not null)),
    check ((decided_by is null) = (reason is null))
) strict;

create index identity_by_title on identity (title, id);

-- A run accepts once, however often its publication is finished.
create unique index identity_accepted_by_run on identity (run_id) where state = 'accepted';
