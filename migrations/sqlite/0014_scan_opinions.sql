-- What scanners that need no internet say of one SHA-256. What is said is JSON, which only its writer reads.
create table scan_opinion (
    sha256 text not null,
    scanner text not null,
    said text not null,
    said_at integer not null,
    primary key (sha256, scanner)
) strict;

-- For whom a person lets doubts, or a finding, of scanners pass: until when, who says so, and why. Only added to.
create table scan_waiver (
    id text primary key,
    sha256 text not null,
    engines text not null,
    reason text not null,
    waived_by text not null,
    waived_at integer not null,
    until_at integer not null,
    revoked_by text,
    revoked_at integer,
    check (waived_at <= until_at),
    check ((revoked_by is null) = (revoked_at is null))
) strict;
create index scan_waiver_by_digest on scan_waiver (sha256, until_at);
