//! A house that has been at work for long: ten thousand titles, a million runs, and what came of them, written straight
//! into its database. Its own triggers do what they do in service.

use std::{fmt::Write as _, path::Path};

use anyhow::Context as _;
use model::{Clock as _, SystemClock, Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use store::Server;

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// How many titles there are.
    pub titles: u64,
    /// How many runs each has had: one a day, the last one today.
    pub days: u64,
}

/// How many rows are written at a time.
const AT_A_TIME: usize = 500;

const DAY_US: i64 = 86_400_000_000;

/// Runs whose steps are there still, by their day from the newest.
const DAYS_WITH_STEPS: u64 = 2;

impl Crowd {
    /// Fills the SQLite file at `path`, whose tables are there.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn fill_file(self, path: &Path) -> anyhow::Result<()> {
        let path = path.to_str().context("a path in UTF-8")?;
        let mut rows = Rows::connect(&format!("sqlite://{path}?mode=rw")).await?;
        rows.run(
            "pragma synchronous = off; pragma busy_timeout = 30000; pragma cache_size = -200000",
        )
        .await?;
        self.fill(&mut rows).await
    }

    /// Fills the schema of a server, whose tables are there.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn fill_server(self, server: &Server) -> anyhow::Result<()> {
        let mut rows = Rows::connect(server.address.expose()).await?;
        let schema = server.schema.as_deref().context("a schema")?;
        rows.run(&format!(
            "set search_path to \"{schema}\"; set synchronous_commit to off"
        ))
        .await?;
        self.fill(&mut rows).await?;
        rows.run("analyze").await
    }

    async fn fill(self, rows: &mut Rows) -> anyhow::Result<()> {
        let now = SystemClock.now();
        for day in 0..self.days {
            rows.run(rows.begin).await?;
            self.fill_day(rows, day, now).await?;
            // What has happened so long ago would not be kept.
            rows.run(rows.end).await?;
        }
        self.fill_incidents(rows, now).await
    }

    /// The runs of a day, from the oldest one on, and what they published.
    async fn fill_day(self, rows: &mut Rows, day: u64, now: Timestamp) -> anyhow::Result<()> {
        let runs = (0..self.titles).map(|title| self.run(day, title, now));
        let runs: Vec<Run> = runs.collect();
        if day == 0 {
            let approval =
                |it: &Run| format!("('{}', '{}', '{{}}', {}, 'ada')", it.id, it.title(), it.at);
            rows.insert(
                "approval (id, title, closure, approved_at, approved_by)",
                &runs,
                approval,
            )
            .await?;
        }
        rows.insert(RUN, &runs, Run::row).await?;
        let published: Vec<Run> = runs
            .iter()
            .copied()
            .filter(|it| it.state == "published")
            .collect();
        rows.insert(DOWNLOAD, &published, Run::download).await?;
        rows.insert(PUBLICATION, &published, Run::publication)
            .await?;
        rows.insert(RELEASE, &published, Run::release).await?;
        rows.insert(STAY, &published, |run| run.stay("testing", 3_600_000_000))
            .await?;
        let settled: Vec<Run> = published
            .into_iter()
            .filter(|_| day + 7 < self.days)
            .collect();
        rows.insert(STAY, &settled, |run| run.stay("production", 7 * DAY_US))
            .await?;
        if day + DAYS_WITH_STEPS >= self.days {
            let begun: Vec<Run> = runs.into_iter().filter(|it| it.state != "queued").collect();
            for (position, processor) in ["URLDownloader", "CodeSignatureVerifier", "MunkiImporter"]
                .into_iter()
                .enumerate()
            {
                rows.insert(STEP, &begun, |run| run.step(position, processor))
                    .await?;
            }
        }
        Ok(())
    }

    fn run(self, day: u64, title: u64, now: Timestamp) -> Run {
        let ago = i64::try_from(self.days - 1 - day).unwrap_or_default() * DAY_US;
        // Over the day, the first title last.
        let within = DAY_US / i64::try_from(self.titles.max(1)).unwrap_or(1)
            * i64::try_from(title).unwrap_or_default();
        let at = now.as_micros() - ago - within / 2;
        let is_last = day + 1 == self.days;
        let state = match (title * 31 + day * 17) % 100 {
            _ if is_last && title.is_multiple_of(20) => "queued",
            0..10 => "published",
            10..18 => "failed",
            18 => "held",
            19 => "cancelled",
            _ => "unchanged",
        };
        Run {
            number: title,
            day,
            state,
            at,
            took_us: 2_000_000
                + i64::try_from((title * 7 + day * 13) % 40).unwrap_or_default() * 1_000_000,
            id: Id(at / 1000, day * self.titles + title),
        }
    }

    async fn fill_incidents(self, rows: &mut Rows, now: Timestamp) -> anyhow::Result<()> {
        let numbers: Vec<u64> = (0..300.min(self.titles)).collect();
        let at = now.as_micros();
        let incident = |number: &u64| {
            format!(
                "('{}', 'house', 'Title-{number:05}.munki', 'download', 'open', 'P{}', \
                 'the server answers 503 Service Unavailable', 'Wait, or look at the address', '', 3, 0, \
                 {at}, {at}, {at}, {at}, {at}, {at})",
                Id(at / 1000, *number),
                number % 4 + 1
            )
        };
        rows.insert(INCIDENT, &numbers, incident).await?;
        let keeping = |number: &u64| format!("('{}', 0, 0, 'open')", Id(at / 1000, *number));
        let table = "incident_keeping (incident_id, respond_told, resolve_told, known)";
        rows.insert(table, &numbers, keeping).await
    }
}

const RUN: &str = "run (id, title, trigger_word, request, state, queued_at, started_at, finished_at, due_at, attempts, \
                   class, cause, next_step, desk_told)";
const DOWNLOAD: &str = "download (run_id, path, url, sha256, len_bytes, changed, seen_at)";
const PUBLICATION: &str =
    "publication (change_set_id, run_id, title, items, state, started_at, finished_at)";
const RELEASE: &str = "release (title, name, version, sha256, run_id, released_at)";
const STAY: &str = "ring_stay (pkginfo, name, version, catalog, entered_at, entered_why)";
const STEP: &str =
    "step (run_id, position, processor, state, started_at, finished_at, input, output, messages)";
const INCIDENT: &str = "incident (id, scope, title, class, state, priority, cause, next_step, excerpt, repeats, reopened, \
                        first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at, told_at)";

/// A version 7 UUID of a millisecond and a number.
#[derive(Clone, Copy, Debug)]
struct Id(i64, u64);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(ms, number) = self;
        write!(
            f,
            "{:08x}-{:04x}-7000-8000-{number:012x}",
            ms >> 16,
            ms & 0xffff
        )
    }
}

#[derive(Clone, Copy, Debug)]
struct Run {
    number: u64,
    day: u64,
    state: &'static str,
    at: i64,
    took_us: i64,
    id: Id,
}

impl Run {
    fn title(&self) -> String {
        format!("Title-{:05}.munki", self.number)
    }

    fn name(&self) -> String {
        format!("Title-{:05}", self.number)
    }

    fn row(&self) -> String {
        let (began, ended) = (self.at + 1_000_000, self.at + self.took_us);
        let times = match self.state {
            "queued" => "null, null".to_owned(),
            _ => format!("{began}, {ended}"),
        };
        let why = match self.state {
            "failed" => {
                "'download', 'the server answers 503 Service Unavailable', 'Wait, or look at the address'"
            }
            "held" => {
                "'re-release', 'other bytes of a version that was released', 'Ask the vendor'"
            }
            _ => "null, null, null",
        };
        format!(
            "('{}', '{}', 'schedule', '{{}}', '{}', {at}, {times}, {at}, 1, {why}, 1)",
            self.id,
            self.title(),
            self.state,
            at = self.at
        )
    }

    fn sha256(&self) -> String {
        format!("{:032x}{:032x}", self.number, self.day)
    }

    fn download(&self) -> String {
        format!(
            "('{}', 'downloads/{}.dmg', 'https://example.com/{}.dmg', '{}', 50000000, 1, {})",
            self.id,
            self.name(),
            self.name(),
            self.sha256(),
            self.at
        )
    }

    fn publication(&self) -> String {
        format!(
            "('{id}', '{id}', '{}', '[{{\"name\": \"{}\", \"version\": \"1.{}\"}}]', 'published', {at}, {at})",
            self.title(),
            self.name(),
            self.day,
            id = self.id,
            at = self.at + self.took_us
        )
    }

    fn release(&self) -> String {
        format!(
            "('{}', '{}', '1.{}', '{}', '{}', {})",
            self.title(),
            self.name(),
            self.day,
            self.sha256(),
            self.id,
            self.at + self.took_us
        )
    }

    fn stay(&self, catalog: &str, after_us: i64) -> String {
        format!(
            "('apps/{name}-1.{day}.plist', '{name}', '1.{day}', '{catalog}', {}, 'published')",
            self.at + self.took_us + after_us,
            name = self.name(),
            day = self.day
        )
    }

    fn step(&self, position: usize, processor: &str) -> String {
        let (input, output) = (
            "{\"url\": \"https://example.com/Title.dmg\", \"filename\": \"Title.dmg\"}",
            "{\"pathname\": \"downloads/Title.dmg\", \"download_changed\": false}",
        );
        format!(
            "('{}', {position}, '{processor}', 'done', {at}, {at}, '{input}', '{output}', \
             'No new version of Title.dmg: the server says that it has not changed.')",
            self.id,
            at = self.at + self.took_us
        )
    }
}

/// Writes rows.
struct Rows {
    connection: AnyConnection,
    /// What goes before and behind the rows of a day. A server takes each statement for itself: in one transaction the
    /// versions of the rows that triggers count in would only grow longer.
    begin: &'static str,
    end: &'static str,
}

impl Rows {
    async fn connect(address: &str) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let is_file = address.starts_with("sqlite:");
        Ok(Self {
            connection: AnyConnection::connect(address).await?,
            begin: if is_file { "begin" } else { "select 1" },
            end: if is_file {
                "delete from event; commit"
            } else {
                "truncate table event"
            },
        })
    }

    async fn run(&mut self, statements: &str) -> anyhow::Result<()> {
        let statements = AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    async fn insert<T>(
        &mut self,
        table: &str,
        of: &[T],
        row: impl Fn(&T) -> String,
    ) -> anyhow::Result<()> {
        for of in of.chunks(AT_A_TIME) {
            let mut statement = format!("insert into {table} values ");
            for (place, one) in of.iter().enumerate() {
                let comma = if place == 0 { "" } else { ", " };
                write!(statement, "{comma}{}", row(one))?;
            }
            self.run(&statement).await?;
        }
        Ok(())
    }
}
