-- What recipes runs went by, each plan once: the files it reached, with their digests.
create table recorded_plan (
    -- The digest of what stands in `members`.
    sha256 text collate "C" primary key check (length(sha256) = 64),
    members text collate "C" not null,
    -- When a run last went by it that this was written down for.
    recorded_at bigint not null
);

-- The texts of recipes, each once. One that holds a secret is not kept.
create table recorded_text (
    sha256 text collate "C" primary key check (length(sha256) = 64),
    body text collate "C" not null,
    recorded_at bigint not null
);

-- Which texts a plan names.
create table recorded_member (
    plan text collate "C" not null references recorded_plan (sha256),
    text text collate "C" not null references recorded_text (sha256),
    primary key (plan, text)
);

create index recorded_member_by_text on recorded_member (text);

alter table run add column plan text collate "C";
create index run_by_plan on run (plan) where plan is not null;
