-- Macs that were told where their view is. While a question could be asked again it stands here, so that none is answered
-- twice, by whichever node; addresses and time go when they are old.
create table check_in (
    tenant_id text not null references tenant (id),
    -- The random number of the question.
    question text not null,
    local_ip text not null,
    public_ip text not null,
    seen_at integer not null,
    primary key (tenant_id, question)
) strict;

create index check_in_seen on check_in (seen_at);
