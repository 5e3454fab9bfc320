-- Whether people at a tenant may look at its catalogue, and by which code. At most one code a tenant; a new one takes the
-- place of the one before.
create table catalogue_access (
    tenant_id text collate "C" primary key references tenant (id),
    -- The digest of the code.
    code text collate "C" not null check (length(code) = 64),
    -- The digest of what opens the tenant's feeds and nothing else, if it has any.
    feed text collate "C" check (length(feed) = 64),
    failures bigint not null check (failures >= 0),
    locked_until bigint,
    made_at bigint not null,
    made_by text collate "C" not null
);

create unique index catalogue_access_feed on catalogue_access (feed) where feed is not null;

-- Who is signed in to a catalogue.
create table catalogue_session (
    -- The digest of what the browser holds.
    id text collate "C" primary key,
    tenant_id text collate "C" not null references catalogue_access (tenant_id),
    began_at bigint not null,
    seen_at bigint not null
);

create index catalogue_session_seen on catalogue_session (seen_at);
create index catalogue_session_tenant on catalogue_session (tenant_id);

-- What was released is looked for by item as well as by title.
create index release_by_name on release (name);

-- What is in a catalog now is looked for by catalog.
create index ring_stay_by_catalog on ring_stay (catalog) where left_at is null;
