-- Rights that one process at a time has: to write to a repository that cannot be locked itself.
create table lease (
    name       text collate "C" primary key,
    owner      text collate "C" not null,
    -- Grows with each owner: who holds an older number has lost the right.
    fence      bigint not null,
    expires_at bigint not null
);
