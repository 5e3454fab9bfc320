-- How far what has happened was taken over for the endpoint of a webhook.
create table webhook_cursor (
    -- Its name in the configuration.
    webhook text collate "C" primary key,
    -- The number of the last event that was.
    heard bigint not null check (heard >= 0)
);

-- One event for one endpoint.
create table webhook_delivery (
    -- What is sent as `webhook-id`, the same over all attempts.
    id text collate "C" primary key,
    webhook text collate "C" not null references webhook_cursor (webhook),
    -- The number of the event.
    sequence bigint not null,
    kind text collate "C" not null,
    -- The run, change set or incident; its events arrive in their order.
    about text collate "C" not null,
    -- What is sent, to the byte.
    body text collate "C" not null,
    state text collate "C" not null check (state in ('pending', 'delivered', 'failed')),
    attempts bigint not null check (attempts >= 0),
    created_at bigint not null,
    due_at bigint not null,
    leased_until_at bigint,
    delivered_at bigint,
    last_error text collate "C",
    unique (webhook, sequence)
);

create index webhook_delivery_waits on webhook_delivery (webhook, due_at) where state = 'pending';
create index webhook_delivery_order on webhook_delivery (webhook, about, sequence) where state = 'pending';
create index webhook_delivery_made on webhook_delivery (created_at);

-- People who have signed in through an identity provider. A name is one person's for ever: what they did is found under it.
create table oidc_person (
    -- The provider's own name of them, which it never gives to another.
    subject text collate "C" primary key,
    name text collate "C" not null unique,
    role text collate "C" not null check (role in ('viewer', 'packager', 'approver', 'administrator', 'auditor')),
    first_at bigint not null,
    last_at bigint not null
);

-- Which of them is signed in.
create table oidc_session (
    -- The digest of what the browser holds.
    id text collate "C" primary key,
    subject text collate "C" not null references oidc_person (subject),
    -- What they may do until it ends.
    role text collate "C" not null check (role in ('viewer', 'packager', 'approver', 'administrator', 'auditor')),
    began_at bigint not null,
    seen_at bigint not null
);

create index oidc_session_seen on oidc_session (seen_at);
create index oidc_session_subject on oidc_session (subject);
