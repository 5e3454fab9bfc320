-- What programs call the API with.
create table api_token (
    id text primary key,
    name text not null,
    -- The digest of what is sent; that itself is kept nowhere.
    digest text not null unique check (length(digest) = 64),
    role text not null check (role in ('viewer', 'packager', 'approver', 'administrator', 'auditor')),
    made_at integer not null,
    made_by text not null,
    expires_at integer,
    used_at integer,
    revoked_at integer,
    revoked_by text,
    check ((revoked_at is null) = (revoked_by is null))
) strict;

-- A name is one token's, until that is revoked.
create unique index api_token_name on api_token (name) where revoked_at is null;

-- What a change that came with a key was answered, so that it is done once however often it is sent.
create table api_answer (
    token_id text not null references api_token (id),
    key text not null,
    -- The digest of what was asked.
    asked text not null check (length(asked) = 64),
    asked_at integer not null,
    -- The answer, sealed: there may be secrets in it. Null while it is being made.
    sealed text,
    key_id text,
    primary key (token_id, key),
    check ((sealed is null) = (key_id is null))
) strict;

create index api_answer_asked on api_answer (asked_at);

-- What has happened, for those who listen. Rows get their sequence after they have been committed, so that a listener who
-- has seen one has seen all before it.
create table event (
    id integer primary key,
    sequence integer unique,
    happened_at integer not null,
    kind text not null,
    -- The run, change set or incident.
    about text not null,
    title text not null,
    -- A step's processor, or a failure's class.
    detail text
) strict;

create index event_unnumbered on event (id) where sequence is null;
create index event_happened on event (happened_at);

create trigger event_of_new_run after insert on run
begin
    insert into event (happened_at, kind, about, title)
    values (cast(unixepoch('subsec') * 1000000 as integer), 'run.' || new.state, new.id, new.title);
end;

create trigger event_of_run after update of state on run when old.state <> new.state
begin
    insert into event (happened_at, kind, about, title, detail)
    values (cast(unixepoch('subsec') * 1000000 as integer), 'run.' || new.state, new.id, new.title, new.class);
end;

create trigger event_of_new_step after insert on step
begin
    insert into event (happened_at, kind, about, title, detail)
    select cast(unixepoch('subsec') * 1000000 as integer), 'step.' || new.state, new.run_id, title, new.processor
    from run
    where id = new.run_id;
end;

create trigger event_of_step after update of state on step when old.state <> new.state
begin
    insert into event (happened_at, kind, about, title, detail)
    select cast(unixepoch('subsec') * 1000000 as integer), 'step.' || new.state, new.run_id, title, new.processor
    from run
    where id = new.run_id;
end;

create trigger event_of_new_publication after insert on publication
begin
    insert into event (happened_at, kind, about, title)
    values (cast(unixepoch('subsec') * 1000000 as integer), 'publication.' || new.state, new.change_set_id, new.title);
end;

create trigger event_of_publication after update of state on publication when old.state <> new.state
begin
    insert into event (happened_at, kind, about, title)
    values (cast(unixepoch('subsec') * 1000000 as integer), 'publication.' || new.state, new.change_set_id, new.title);
end;

create trigger event_of_hold after insert on hold_decision
begin
    insert into event (happened_at, kind, about, title)
    select cast(unixepoch('subsec') * 1000000 as integer), 'hold.' || new.verdict, new.run_id, title
    from run
    where id = new.run_id;
end;

create trigger event_of_new_incident after insert on incident
begin
    insert into event (happened_at, kind, about, title, detail)
    values (cast(unixepoch('subsec') * 1000000 as integer), 'incident.' || new.state, new.id, new.title, new.class);
end;

create trigger event_of_incident after update of state on incident when old.state <> new.state
begin
    insert into event (happened_at, kind, about, title, detail)
    values (cast(unixepoch('subsec') * 1000000 as integer), 'incident.' || new.state, new.id, new.title, new.class);
end;
