-- What the release brings with it that a Mac gives power to, as JSON; null where that is not known.
alter table release add column payload text collate "C";
