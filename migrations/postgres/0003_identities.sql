-- Who signed what of a title, and what became of that: a record to which entries are only added.
-- `held`: a run found it, and waits for a person. `approved`, `refused`: what the person said. `accepted`: a run
-- published what is signed so; the newest such entry of a title is what the next run is held against.
create table identity (
    id text collate "C" primary key,
    title text collate "C" not null,
    state text collate "C" not null check (state in ('held', 'approved', 'refused', 'accepted')),
    -- Everything that the run verified; an empty list if it verified nothing.
    identities text collate "C" not null,
    -- What was accepted at that time; null if nothing was.
    accepted text collate "C",
    run_id text collate "C" not null references run (id),
    recorded_at bigint not null,
    decided_by text collate "C",
    reason text collate "C",
    check ((state in ('approved', 'refused')) = (decided_by is not null)),
    check ((decided_by is null) = (reason is null))
);

create index identity_by_title on identity (title, id);

-- A run accepts once, however often its publication is finished.
create unique index identity_accepted_by_run on identity (run_id) where state = 'accepted';
