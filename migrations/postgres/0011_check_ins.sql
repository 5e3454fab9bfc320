-- Macs that were told where their view is. While a question could be asked again it stands here, so that none is answered
-- twice, by whichever node; addresses and time go when they are old.
create table check_in (
    tenant_id text collate "C" not null references tenant (id),
    -- The random number of the question.
    question text collate "C" not null,
    local_ip text collate "C" not null,
    public_ip text collate "C" not null,
    seen_at bigint not null,
    primary key (tenant_id, question)
);

create index check_in_seen on check_in (seen_at);
