-- Sums that outlive the rows they are of.
create table figure (
    name text primary key,
    value integer not null check (value >= 0)
) strict;
create index incident_by_run on incident (run_id) where run_id is not null;
