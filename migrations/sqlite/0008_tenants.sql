-- Customers, each with a view of the repository. One that was deleted stays as a name, without secrets, so that it can
-- be told later what it could have fetched.
create table tenant (
    id text primary key,
    customer text not null,
    slug text not null,
    state text not null check (state in ('active', 'suspended', 'deleted')),
    -- The items it may have, as a JSON list of names; null: all.
    entitled text,
    created_at integer not null,
    created_by text not null
) strict;

create unique index tenant_customer on tenant (customer) where state <> 'deleted';
create unique index tenant_slug on tenant (slug);

-- Which ring a tenant could read, from when until when: not while it was suspended.
create table tenant_ring (
    id integer primary key,
    tenant_id text not null references tenant (id),
    catalog text not null,
    from_at integer not null,
    until_at integer
) strict;

create unique index tenant_ring_now on tenant_ring (tenant_id) where until_at is null;

-- Sealed with a key that is not here.
create table tenant_secret (
    id text primary key,
    tenant_id text not null references tenant (id),
    kind text not null check (kind in ('token', 'credential')),
    sealed text not null,
    key_id text not null,
    made_at integer not null,
    -- Null: it is the one in use; else until when it is taken beside its successor.
    valid_until integer
) strict;

create unique index tenant_secret_now on tenant_secret (tenant_id, kind) where valid_until is null;
