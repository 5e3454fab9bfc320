-- What recipes runs went by, each plan once: the files it reached, with their digests.
create table recorded_plan (
    -- The digest of what stands in `members`.
    sha256 text primary key check (length(sha256) = 64),
    members text not null,
    -- When a run last went by it that this was written down for.
    recorded_at integer not null
) strict;

-- The texts of recipes, each once. One that holds a secret is not kept.
create table recorded_text (
    sha256 text primary key check (length(sha256) = 64),
    body text not null,
    recorded_at integer not null
) strict;

-- Which texts a plan names.
create table recorded_member (
    plan text not null references recorded_plan (sha256),
    text text not null references recorded_text (sha256),
    primary key (plan, text)
) strict;

create index recorded_member_by_text on recorded_member (text);

alter table run add column plan text;
create index run_by_plan on run (plan) where plan is not null;
