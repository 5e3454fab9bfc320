-- Another mark with each change of who may read what: whoever remembers an answer asks whether it is the same mark still.
-- It is no number, so that a state that was restored from a backup never has a mark that somebody knows from before.
create table tenancy_mark (
    id integer primary key check (id = 1),
    mark text not null
) strict;

insert into tenancy_mark (id, mark) values (1, lower(hex(randomblob(16))));

create trigger tenant_mark_insert after insert on tenant
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_mark_update after update on tenant
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_mark_delete after delete on tenant
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_ring_mark_insert after insert on tenant_ring
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_ring_mark_update after update on tenant_ring
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_ring_mark_delete after delete on tenant_ring
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_secret_mark_insert after insert on tenant_secret
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_secret_mark_update after update on tenant_secret
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;

create trigger tenant_secret_mark_delete after delete on tenant_secret
begin
    update tenancy_mark set mark = lower(hex(randomblob(16)));
end;
