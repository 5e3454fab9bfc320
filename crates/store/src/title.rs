//! Titles, as lists show them: what was released last, where it is, and how the last runs went.

use std::{collections::HashMap, time::Duration};

use model::{RunId, RunState, Timestamp, Title};
use sqlx::{Any, AssertSqlSafe, query::QueryAs};

use crate::{
    Db, Run, StoreError, column,
    run::{RunRow, columns},
};

/// Which titles are meant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TitleFilter {
    /// Only those in whose name this is, whatever its case; all if it is empty.
    pub containing: String,
    /// Only this one and those behind it.
    pub from: Option<Title>,
}

/// A title.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TitleLine {
    /// Its name.
    pub title: Title,
    /// Name and version of the item that was released last.
    pub item: Option<(String, String)>,
    /// When that was.
    pub released_at: Option<Timestamp>,
    /// The catalogs in which that is now, as it came into them.
    pub catalogs: Vec<String>,
    /// When one of its runs last came to a good end.
    pub good_at: Option<Timestamp>,
    /// When one of its runs last published something.
    pub published_at: Option<Timestamp>,
    /// Its newest run, if there is one.
    pub last: Option<Run>,
    /// How its last runs that have ended went, the oldest first.
    pub times: Vec<RunTime>,
}

/// How a run went that has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunTime {
    /// How it ended.
    pub state: RunState,
    /// How long it took from when it was taken up.
    pub took: Duration,
}

/// What is known of a title, in its own row.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "select title, good_at, published_at, item, version, released_at from title where ",
            $which
        )
    };
}

/// Titles of which more is asked: their numbers in a statement, and their names.
///
/// By their names, and not by what they were found by: a server that plans a statement once for whatever is bound to it
/// would look through all titles each time.
struct Page(Vec<String>);

impl Page {
    async fn rows<T>(&self, db: &Db, rest: &str, what: &'static str) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow> + Send + Unpin,
    {
        // Their numbers alone go into the statement.
        let places: Vec<String> = (1..=self.0.len()).map(|it| format!("${it}")).collect();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let statement = format!(
            "with page as (
                 select title, run_id, item, version
                 from title
                 where title in ({})
             ) {rest}",
            places.join(", ")
        );
        let mut query: QueryAs<'_, Any, T, _> = sqlx::query_as(AssertSqlSafe(statement));
        for title in &self.0 {
            query = query.bind(title.as_str());
        }
        let rows = query.fetch_all(db.reader()).await;
        rows.map_err(StoreError::statement(what))
    }
}

/// A text in which `like` finds nothing but itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[derive(sqlx::FromRow)]
struct TitleRow {
    title: String,
    good_at: Option<i64>,
    published_at: Option<i64>,
    item: Option<String>,
    version: Option<String>,
    released_at: Option<i64>,
}

impl Db {
    /// The titles that are meant, by name, at most `limit`; of the runs of each the last 20.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn title_page(
        &self,
        filter: &TitleFilter,
        limit: u32,
    ) -> Result<Vec<TitleLine>, StoreError> {
        const PAGE: &str =
            select!("title >= $1 and lower(title) like $2 escape '\\' order by title limit $3");
        let like = format!("%{}%", escaped(&filter.containing.to_ascii_lowercase()));
        let titles = sqlx::query_as(PAGE)
            .bind(filter.from.as_ref().map_or("", Title::as_str))
            .bind(like)
            .bind(i64::from(limit))
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::statement("list titles"))?;
        self.title_lines(titles).await
    }

    /// One title, if anything is known of it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn title_find(&self, title: &Title) -> Result<Option<TitleLine>, StoreError> {
        let titles = sqlx::query_as(select!("title = $1"))
            .bind(title.as_str())
            .fetch_all(self.reader())
            .await
            .map_err(StoreError::statement("find a title"))?;
        Ok(self.title_lines(titles).await?.pop())
    }

    /// Three statements, however many titles there are.
    async fn title_lines(&self, titles: Vec<TitleRow>) -> Result<Vec<TitleLine>, StoreError> {
        let page = &Page(titles.iter().map(|row| row.title.clone()).collect());
        let mut runs = self.last_runs(page).await?;
        let mut catalogs = self.catalogs(page).await?;
        let mut times = self.run_times(page).await?;
        let line = |row: TitleRow| {
            Ok(TitleLine {
                title: column::word("title.title", &row.title)?,
                item: row.item.zip(row.version),
                released_at: row.released_at.map(Timestamp::from_micros),
                catalogs: catalogs.remove(&row.title).unwrap_or_default(),
                good_at: row.good_at.map(Timestamp::from_micros),
                published_at: row.published_at.map(Timestamp::from_micros),
                last: runs.remove(&row.title),
                times: times.remove(&row.title).unwrap_or_default(),
            })
        };
        titles.into_iter().map(line).collect()
    }

    async fn last_runs(&self, page: &Page) -> Result<HashMap<String, Run>, StoreError> {
        let statement = concat!(
            "select ",
            columns!(),
            " from run where id in (select run_id from page)"
        );
        let rows: Vec<RunRow> = page
            .rows(self, statement, "read the newest runs of titles")
            .await?;
        rows.into_iter()
            .map(|row| {
                let run = Run::try_from(row)?;
                Ok((run.title.to_string(), run))
            })
            .collect()
    }

    async fn catalogs(&self, page: &Page) -> Result<HashMap<String, Vec<String>>, StoreError> {
        let statement = "select page.title, ring_stay.catalog
             from page
             join ring_stay on ring_stay.name = page.item and ring_stay.version = page.version
             where ring_stay.left_at is null
             order by ring_stay.entered_at, ring_stay.id";
        let rows: Vec<(String, String)> =
            page.rows(self, statement, "read where titles are").await?;
        let mut catalogs: HashMap<String, Vec<String>> = HashMap::new();
        for (title, catalog) in rows {
            let of_title = catalogs.entry(title).or_default();
            if !of_title.contains(&catalog) {
                of_title.push(catalog);
            }
        }
        Ok(catalogs)
    }

    async fn run_times(&self, page: &Page) -> Result<HashMap<String, Vec<RunTime>>, StoreError> {
        let statement = "select run.title, run.state, run.started_at, run.finished_at
             from page
             join run on run.title = page.title
             where run.id > coalesce((
                       select older.id
                       from run as older
                       where older.title = page.title
                       order by older.id desc
                       limit 1 offset 20
                   ), '')
               and run.started_at is not null
               and run.finished_at is not null
             order by run.title, run.id";
        let rows: Vec<(String, String, i64, i64)> = page
            .rows(self, statement, "read how long runs took")
            .await?;
        let mut times: HashMap<String, Vec<RunTime>> = HashMap::new();
        for (title, state, started_at, finished_at) in rows {
            let started_at = Timestamp::from_micros(started_at);
            times.entry(title).or_default().push(RunTime {
                state: column::word("run.state", &state)?,
                took: Timestamp::from_micros(finished_at).since(started_at),
            });
        }
        Ok(times)
    }
}

/// What a run released of a title.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Released {
    /// The item.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The run.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
}

impl Db {
    /// What was released of a title, the newest first, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn title_releases(
        &self,
        title: &Title,
        limit: u32,
    ) -> Result<Vec<Released>, StoreError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "select name, version, run_id, released_at
             from release
             where title = $1
             order by released_at desc, name, version
             limit $2",
        )
        .bind(title.as_str())
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list what was released lately"))?;
        let told = |(name, version, run, at): (String, String, String, i64)| {
            Ok(Released {
                name,
                version,
                run: column::word("release.run_id", &run)?,
                at: Timestamp::from_micros(at),
            })
        };
        rows.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use model::{FailureClass, Trigger};
    use serde_json::json;

    use super::*;
    use crate::{NewRun, Queued, RunEnd, RunFailure, Terms, Worker};

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    async fn queue(db: &Db, title: &str, seconds: i64) -> RunId {
        let new = NewRun {
            title: title.parse().unwrap(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: Terms::default(),
        };
        match db.run_queue(&new, at(seconds)).await.unwrap() {
            Queued::New(run) => run,
            Queued::Already(_) => panic!("{title} has a run"),
        }
    }

    /// Has a run end three seconds after it began.
    async fn ended(db: &Db, title: &str, end: &RunEnd, seconds: i64) -> RunId {
        let run = queue(db, title, seconds).await;
        let (now, until) = (at(seconds), at(seconds + 60));
        let claimed = db.run_claim_one(run, &Worker::named("w"), now, until).await;
        let (_, lease) = claimed.unwrap().unwrap();
        assert!(db.run_start(lease, now).await.unwrap());
        let now = at(seconds + 3);
        assert!(db.run_finish(lease, end, None, now).await.unwrap());
        run
    }

    fn held() -> RunEnd {
        RunEnd::Held(RunFailure {
            class: FailureClass::ReRelease,
            cause: "other bytes".to_owned(),
            next_step: "look".to_owned(),
            step: None,
            detail: None,
            incident: None,
        })
    }

    fn names(lines: &[TitleLine]) -> Vec<&str> {
        lines.iter().map(|line| line.title.as_str()).collect()
    }

    #[tokio::test]
    async fn titles_are_found_by_a_part_of_their_name_page_by_page() {
        let (_folder, db) = crate::testing::database().await;
        for title in ["Firefox.munki", "Fire_x.munki", "Zoom.munki"] {
            ended(&db, title, &RunEnd::Unchanged, 100).await;
        }
        let of = |containing: &str, from: Option<&str>| TitleFilter {
            containing: containing.to_owned(),
            from: from.map(|title| title.parse().unwrap()),
        };
        let found = db.title_page(&of("", None), 2).await.unwrap();
        assert_eq!(names(&found), ["Fire_x.munki", "Firefox.munki"]);
        let found = db.title_page(&of("", Some("Firefox.munki")), 9).await;
        assert_eq!(names(&found.unwrap()), ["Firefox.munki", "Zoom.munki"]);
        let found = db.title_page(&of("FIREFOX", None), 9).await.unwrap();
        assert_eq!(names(&found), ["Firefox.munki"]);
        for (text, count) in [("e_x", 1), ("%", 0), ("\\", 0), ("munki", 3)] {
            let found = db.title_page(&of(text, None), 9).await.unwrap();
            assert_eq!(found.len(), count, "{text}");
        }
        let none: Title = "Fire".parse().unwrap();
        assert_eq!(db.title_find(&none).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_title_tells_how_its_last_runs_went() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Zoom.munki".parse().unwrap();
        let end = |number: i64| {
            if number == 30 {
                held()
            } else {
                RunEnd::Unchanged
            }
        };
        for number in 1..=30 {
            ended(&db, title.as_str(), &end(number), number * 100).await;
        }
        let line = db.title_find(&title).await.unwrap().unwrap();
        assert_eq!(line.good_at, Some(at(2_903)));
        assert_eq!(line.times.len(), 20);
        let took = Duration::from_secs(3);
        assert!(line.times.iter().all(|it| it.took == took));
        assert_eq!(line.times[19].state, RunState::Held);
        assert_eq!((line.item, line.catalogs), (None, Vec::new()));
        // It waits until another run takes its place, which is then its last one.
        assert_eq!(db.hold_list().await.unwrap().len(), 1);
        let newest = queue(&db, title.as_str(), 4_000).await;
        assert_eq!(db.hold_list().await.unwrap(), []);
        let line = db.title_find(&title).await.unwrap().unwrap();
        assert_eq!(line.last.unwrap().id, newest);
        assert_eq!(line.times.len(), 19);
    }

    #[tokio::test]
    async fn what_was_approved_and_never_ran_is_a_title() {
        let (_folder, db) = crate::testing::database().await;
        let title: Title = "Zoom.munki".parse().unwrap();
        for _ in 0..2 {
            let approved = db.approval_record(&title, &json!({}), "kim", at(1)).await;
            approved.unwrap();
        }
        let found = db.title_page(&TitleFilter::default(), 9).await.unwrap();
        assert_eq!(names(&found), ["Zoom.munki"]);
        assert_eq!(found[0].last, None);
    }
}
