-- People who sign in to the administration pages.
create table administrator (
    id text collate "C" primary key,
    -- The user ID.
    name text collate "C" not null,
    role text collate "C" not null check (role in ('viewer', 'packager', 'approver', 'administrator', 'auditor')),
    state text collate "C" not null check (state in ('active', 'disabled')),
    -- The digest of the password, as a PHC string.
    password text collate "C" not null,
    -- What one-time codes are made of, sealed with a key that is not here.
    code_secret text collate "C" not null,
    key_id text collate "C" not null,
    -- The newest step whose code was used: no code is taken twice.
    last_step bigint not null,
    failures bigint not null check (failures >= 0),
    locked_until bigint,
    made_at bigint not null,
    made_by text collate "C" not null
);

create unique index administrator_name on administrator (name);

-- Who is signed in.
create table administrator_session (
    -- The digest of what the browser holds.
    id text collate "C" primary key,
    administrator_id text collate "C" not null references administrator (id),
    began_at bigint not null,
    seen_at bigint not null
);

create index administrator_session_seen on administrator_session (seen_at);

-- What people did: only added to. Each entry holds the digest of the one before it, so that none can be changed or taken
-- out unnoticed.
create table audit_entry (
    sequence bigint primary key,
    happened_at bigint not null,
    who text collate "C" not null,
    -- `terminal` or `pages`.
    via text collate "C" not null,
    -- Where from, if it came over the network.
    address text collate "C",
    did text collate "C" not null,
    about text collate "C" not null,
    outcome text collate "C" not null check (outcome in ('asked', 'done', 'refused', 'failed')),
    detail text collate "C" not null,
    digest text collate "C" not null
);

create function audit_entry_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is only added to';
end;
$$;

create trigger audit_entry_changed before update or delete or truncate on audit_entry
for each statement execute function audit_entry_stays();
