-- Another mark with each change of who may read what: whoever remembers an answer asks whether it is the same mark still.
-- It is no number, so that a state that was restored from a backup never has a mark that somebody knows from before.
create table tenancy_mark (
    id bigint primary key check (id = 1),
    mark text collate "C" not null
);

insert into tenancy_mark (id, mark) values (1, cast(gen_random_uuid() as text));

create function new_tenancy_mark() returns trigger language plpgsql as $$
begin
    update tenancy_mark set mark = cast(gen_random_uuid() as text);
    return null;
end;
$$;

create trigger tenant_mark after insert or update or delete or truncate on tenant
for each statement execute function new_tenancy_mark();
create trigger tenant_ring_mark after insert or update or delete or truncate on tenant_ring
for each statement execute function new_tenancy_mark();
create trigger tenant_secret_mark after insert or update or delete or truncate on tenant_secret
for each statement execute function new_tenancy_mark();
