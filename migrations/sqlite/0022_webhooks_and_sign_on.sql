-- How far what has happened was taken over for the endpoint of a webhook.
create table webhook_cursor (
    -- Its name in the configuration.
    webhook text primary key,
    -- The number of the last event that was.
    heard integer not null check (heard >= 0)
) strict;

-- One event for one endpoint.
create table webhook_delivery (
    -- What is sent as `webhook-id`, the same over all attempts.
    id text primary key,
    webhook text not null references webhook_cursor (webhook),
    -- The number of the event.
    sequence integer not null,
    kind text not null,
    -- The run, change set or incident; its events arrive in their order.
    about text not null,
    -- What is sent, to the byte.
    body text not null,
    state text not null check (state in ('pending', 'delivered', 'failed')),
    attempts integer not null check (attempts >= 0),
    created_at integer not null,
    due_at integer not null,
    leased_until_at integer,
    delivered_at integer,
    last_error text,
    unique (webhook, sequence)
) strict;

create index webhook_delivery_waits on webhook_delivery (webhook, due_at) where state = 'pending';
create index webhook_delivery_order on webhook_delivery (webhook, about, sequence) where state = 'pending';
create index webhook_delivery_made on webhook_delivery (created_at);

-- People who have signed in through an identity provider. A name is one person's for ever: what they did is found under it.
create table oidc_person (
    -- The provider's own name of them, which it never gives to another.
    subject text primary key,
    name text not null unique,
    role text not null check (role in ('viewer', 'packager', 'approver', 'administrator', 'auditor')),
    first_at integer not null,
    last_at integer not null
) strict;

-- Which of them is signed in.
create table oidc_session (
    -- The digest of what the browser holds.
    id text primary key,
    subject text not null references oidc_person (subject),
    -- What they may do until it ends.
    role text not null check (role in ('viewer', 'packager', 'approver', 'administrator', 'auditor')),
    began_at integer not null,
    seen_at integer not null
) strict;

create index oidc_session_seen on oidc_session (seen_at);
create index oidc_session_subject on oidc_session (subject);
