-- Sums that outlive the rows they are of.
create table figure (
    name text collate "C" primary key,
    value bigint not null check (value >= 0)
);
create index incident_by_run on incident (run_id) where run_id is not null;
