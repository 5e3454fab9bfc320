-- What was held against the downloads of a step, and what came of it: a list of `{name, result, detail}`.
alter table step add column checks text collate "C" not null default '[]';
