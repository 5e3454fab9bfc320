-- Rights that one process at a time has: to write to a repository that cannot be locked itself.
create table lease (
    name       text primary key,
    owner      text not null,
    -- Grows with each owner: who holds an older number has lost the right.
    fence      integer not null,
    expires_at integer not null
) strict;
