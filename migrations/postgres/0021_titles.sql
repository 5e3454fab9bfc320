-- What lists say of each title, however many runs it has had. It follows from `run`, `release` and `approval`: triggers
-- write it down, and nothing else does.
create table title (
    title text collate "C" primary key,
    -- Its newest run, until that is forgotten.
    run_id text collate "C",
    -- Whether that waits for a person.
    waits bigint not null default 0 check (waits in (0, 1)),
    good_at bigint,
    published_at bigint,
    -- What was released last.
    item text collate "C",
    version text collate "C",
    released_at bigint,
    check ((item is null) = (version is null) and (item is null) = (released_at is null))
);

create index title_waits on title (run_id) where waits = 1;

-- How many of the runs that there are ended on which day since 1970 (UTC), by how they ended.
create table run_tally (
    day bigint not null,
    state text collate "C" not null,
    count bigint not null check (count >= 0),
    primary key (day, state)
);

insert into title (title, run_id, good_at, published_at)
select title,
       max(id),
       max(case when state in ('published', 'unchanged') then finished_at end),
       max(case when state = 'published' then finished_at end)
from run
group by title;
insert into title (title)
select distinct title from approval
where true
on conflict (title) do nothing;
update title
set waits = 1
where exists (
    select 1
    from run
    where run.id = title.run_id and (run.state = 'held' or run.state = 'failed' and run.class = 'trust')
);
update title
set (item, version, released_at) = (
    select name, version, released_at
    from release
    where release.title = title.title
    order by released_at desc, name
    limit 1
);
insert into run_tally (day, state, count)
select finished_at / 86400000000, state, count(*)
from run
where finished_at is not null
group by 1, 2;

create function title_of_run() returns trigger language plpgsql as $$
declare
    is_waiting bigint := case when new.state = 'held' or new.state = 'failed' and new.class = 'trust' then 1 else 0 end;
begin
    if tg_op = 'INSERT' then
        insert into title (title, run_id, waits)
        values (new.title, new.id, is_waiting)
        on conflict (title) do update
        set run_id = excluded.run_id, waits = excluded.waits
        where title.run_id is null or title.run_id < excluded.run_id;
    else
        update title
        set waits = is_waiting
        where title.title = new.title and title.run_id = new.id;
    end if;
    if new.state in ('published', 'unchanged') then
        update title
        set good_at = greatest(good_at, new.finished_at),
            published_at = case when new.state = 'published'
                           then greatest(published_at, new.finished_at) else published_at end
        where title.title = new.title;
    end if;
    if new.finished_at is not null then
        insert into run_tally (day, state, count)
        values (new.finished_at / 86400000000, new.state, 1)
        on conflict (day, state) do update set count = run_tally.count + 1;
    end if;
    return null;
end;
$$;

create trigger title_of_new_run after insert on run
for each row execute function title_of_run();
create trigger title_of_run after update of state on run
for each row when (old.state <> new.state) execute function title_of_run();

create function title_of_old_run() returns trigger language plpgsql as $$
begin
    update title
    set run_id = null, waits = 0
    where title.title = old.title and title.run_id = old.id;
    update run_tally
    set count = count - 1
    where day = old.finished_at / 86400000000 and state = old.state;
    return null;
end;
$$;

create trigger title_of_old_run after delete on run
for each row execute function title_of_old_run();

create function title_of_release() returns trigger language plpgsql as $$
begin
    update title
    set item = new.name, version = new.version, released_at = new.released_at
    where title.title = new.title and (released_at is null or released_at <= new.released_at);
    return null;
end;
$$;

create trigger title_of_release after insert on release
for each row execute function title_of_release();

create function title_of_approval() returns trigger language plpgsql as $$
begin
    insert into title (title)
    values (new.title)
    on conflict (title) do nothing;
    return null;
end;
$$;

create trigger title_of_approval after insert on approval
for each row execute function title_of_approval();

create index run_by_state on run (state, id);
create index publication_by_run on publication (run_id);
