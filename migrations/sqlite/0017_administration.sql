-- People who sign in to the administration pages.
create table administrator (
    id text primary key,
    -- The user ID.
    name text not null,
    role text not null check (role in ('viewer', 'packager', 'approver', 'administrator', 'auditor')),
    state text not null check (state in ('active', 'disabled')),
    -- The digest of the password, as a PHC string.
    password text not null,
    -- What one-time codes are made of, sealed with a key that is not here.
    code_secret text not null,
    key_id text not null,
    -- The newest step whose code was used: no code is taken twice.
    last_step integer not null,
    failures integer not null check (failures >= 0),
    locked_until integer,
    made_at integer not null,
    made_by text not null
) strict;

create unique index administrator_name on administrator (name);

-- Who is signed in.
create table administrator_session (
    -- The digest of what the browser holds.
    id text primary key,
    administrator_id text not null references administrator (id),
    began_at integer not null,
    seen_at integer not null
) strict;

create index administrator_session_seen on administrator_session (seen_at);

-- What people did: only added to. Each entry holds the digest of the one before it, so that none can be changed or taken
-- out unnoticed.
create table audit_entry (
    sequence integer primary key,
    happened_at integer not null,
    who text not null,
    -- `terminal` or `pages`.
    via text not null,
    -- Where from, if it came over the network.
    address text,
    did text not null,
    about text not null,
    outcome text not null check (outcome in ('asked', 'done', 'refused', 'failed')),
    detail text not null,
    digest text not null
) strict;

create trigger audit_entry_changed before update on audit_entry
begin
    select raise(abort, 'the audit log is only added to');
end;

create trigger audit_entry_removed before delete on audit_entry
begin
    select raise(abort, 'the audit log is only added to');
end;
