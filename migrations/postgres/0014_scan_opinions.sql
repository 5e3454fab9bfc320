-- What scanners that need no internet say of one SHA-256. What is said is JSON, which only its writer reads.
create table scan_opinion (
    sha256 text collate "C" not null,
    scanner text collate "C" not null,
    said text collate "C" not null,
    said_at bigint not null,
    primary key (sha256, scanner)
);

-- For whom a person lets doubts, or a finding, of scanners pass: until when, who says so, and why. Only added to.
create table scan_waiver (
    id text collate "C" primary key,
    sha256 text collate "C" not null,
    engines text collate "C" not null,
    reason text collate "C" not null,
    waived_by text collate "C" not null,
    waived_at bigint not null,
    until_at bigint not null,
    revoked_by text collate "C",
    revoked_at bigint,
    check (waived_at <= until_at),
    check ((revoked_by is null) = (revoked_at is null))
);
create index scan_waiver_by_digest on scan_waiver (sha256, until_at);
