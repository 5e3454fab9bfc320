//! The whole state as lines of JSON, which either engine can write and read.

use std::io;

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Column as _, Row as _, ValueRef as _, any::AnyRow};

use crate::{Db, StoreError, db::Tx};

/// Every table, each behind those that it refers to, but for those that say who is there at the moment, and what happens
/// at it, and those that triggers fill from others.
const TABLES: [&str; 43] = [
    "scan",
    "scan_opinion",
    "scan_waiver",
    "quota_window",
    "quota_pause",
    "incident",
    "incident_event",
    "incident_keeping",
    "ticket",
    "maintenance",
    "delivery",
    "connector_disabled",
    "connector_health",
    "webhook_cursor",
    "webhook_delivery",
    "digest",
    "recorded_plan",
    "recorded_text",
    "recorded_member",
    "run",
    "run_wait",
    "step",
    "download",
    "approval",
    "publication",
    "release",
    "schedule",
    "schedule_pause",
    "identity",
    "hold_decision",
    "ring_rule",
    "ring_stay",
    "repository_change",
    "tenant",
    "tenant_ring",
    "tenant_secret",
    "catalogue_access",
    "check_in",
    "administrator",
    "oidc_person",
    "audit_entry",
    "figure",
    "api_token",
];

/// Tables whose rows the engine numbers itself.
const NUMBERED: [&str; 2] = ["ring_stay", "tenant_ring"];

/// The first line.
#[derive(Debug, Deserialize, Serialize)]
struct Head {
    schema: u32,
    /// The newest migration of the state.
    migration: i64,
}

/// Every other line.
#[derive(Debug, Deserialize, Serialize)]
struct Line {
    table: String,
    row: Map<String, Value>,
}

const SCHEMA: u32 = 1;
const DUMP: &str = "write the state out";
const RESTORE: &str = "take the state in";

impl Db {
    /// Gives the whole state to `write`, line by line, as it was at one moment; answers how many rows there are.
    ///
    /// Who is there at the moment, and who may write to a repository, is left out.
    ///
    /// # Errors
    /// If the database fails, or `write` does.
    pub async fn dump(
        &self,
        write: &mut (dyn FnMut(&str) -> io::Result<()> + Send),
    ) -> Result<u64, StoreError> {
        let failed = || StoreError::statement(DUMP);
        let begin = if self.is_server() {
            "begin isolation level repeatable read read only"
        } else {
            "begin"
        };
        let mut tx = Tx::begin(self.reader(), begin).await.map_err(failed())?;
        let migration = newest_migration(&mut tx).await?;
        let head = Head {
            schema: SCHEMA,
            migration,
        };
        put(write, &head)?;
        let mut count: u64 = 0;
        for table in TABLES {
            let select = AssertSqlSafe(format!("select * from {table}"));
            let mut rows = sqlx::query(select).fetch(&mut *tx);
            while let Some(row) = rows.try_next().await.map_err(failed())? {
                let line = Line {
                    table: table.to_owned(),
                    row: told(&row).map_err(failed())?,
                };
                put(write, &line)?;
                count = count.saturating_add(1);
            }
        }
        Ok(count)
    }

    /// Takes in what [`Db::dump`] gave, all of it or nothing; answers how many rows there are.
    ///
    /// # Errors
    /// If there is something in the state already, a line is not one of a dump, the dump is of a newer program, or the
    /// database fails.
    pub async fn restore(
        &self,
        lines: &mut (dyn Iterator<Item = io::Result<String>> + Send),
    ) -> Result<u64, StoreError> {
        let failed = || StoreError::statement(RESTORE);
        let mut tx = self.begin(RESTORE).await?;
        for table in TABLES {
            let select = AssertSqlSafe(format!("select 1 as one from {table} limit 1"));
            let some = sqlx::query(select).fetch_optional(&mut *tx).await;
            if some.map_err(failed())?.is_some() {
                return Err(StoreError::NotEmpty { table });
            }
        }
        let first = lines.next().transpose().map_err(StoreError::Dump)?;
        let head: Head = parsed(1, &first.unwrap_or_default())?;
        let known = newest_migration(&mut tx).await?;
        if head.schema != SCHEMA || head.migration > known {
            return Err(StoreError::Newer {
                place: self.place().clone(),
                found: head.migration,
                known,
            });
        }
        let mut count: u64 = 0;
        for (number, line) in (2..).zip(lines) {
            let line: Line = parsed(number, &line.map_err(StoreError::Dump)?)?;
            insert(&mut tx, number, &line).await?;
            count = count.saturating_add(1);
        }
        // None of what was taken in has happened now.
        sqlx::query("delete from event")
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        if self.is_server() {
            go_on_numbering(&mut tx).await?;
        }
        tx.commit().await.map_err(failed())?;
        Ok(count)
    }
}

async fn newest_migration(tx: &mut Tx) -> Result<i64, StoreError> {
    sqlx::query_scalar("select max(version) from _sqlx_migrations")
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::statement(DUMP))
}

fn put(
    write: &mut (dyn FnMut(&str) -> io::Result<()> + Send),
    line: &impl Serialize,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(line).map_err(io::Error::other);
    text.and_then(|text| write(&text)).map_err(StoreError::Dump)
}

/// A row holds numbers, texts and nothing else.
fn told(row: &AnyRow) -> Result<Map<String, Value>, sqlx::Error> {
    let mut told = Map::new();
    for column in row.columns() {
        let index = column.ordinal();
        if row.try_get_raw(index)?.is_null() {
            continue;
        }
        let value = match row.try_get::<i64, _>(index) {
            Ok(number) => Value::from(number),
            Err(_text) => Value::from(row.try_get::<String, _>(index)?),
        };
        told.insert(column.name().to_owned(), value);
    }
    Ok(told)
}

fn parsed<T: for<'de> Deserialize<'de>>(number: u64, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .ok()
        .ok_or(StoreError::NoDump { line: number })
}

async fn insert(tx: &mut Tx, number: u64, line: &Line) -> Result<(), StoreError> {
    let wrong = || StoreError::NoDump { line: number };
    let table = TABLES
        .into_iter()
        .find(|table| *table == line.table)
        .ok_or_else(wrong)?;
    // Names go into the statement as they are.
    let is_name = |name: &String| {
        name.bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
    };
    if line.row.is_empty() || !line.row.keys().all(is_name) {
        return Err(wrong());
    }
    let columns: Vec<&str> = line.row.keys().map(String::as_str).collect();
    let values: Vec<String> = (1..=columns.len()).map(|it| format!("${it}")).collect();
    let statement = format!(
        "insert into {table} ({}) values ({})",
        columns.join(", "),
        values.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for value in line.row.values() {
        query = match (value.as_i64(), value.as_str()) {
            (Some(number), _) => query.bind(number),
            (None, Some(text)) => query.bind(text),
            (None, None) => return Err(wrong()),
        };
    }
    query
        .execute(&mut **tx)
        .await
        .map_err(StoreError::statement(RESTORE))?;
    Ok(())
}

async fn go_on_numbering(tx: &mut Tx) -> Result<(), StoreError> {
    for table in NUMBERED {
        let statement = format!(
            "select setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) from {table}"
        );
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut **tx)
            .await
            .map_err(StoreError::statement(RESTORE))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{FailureClass, Timestamp, Trigger};
    use serde_json::json;

    use super::*;
    use crate::{NewRun, Parking, Queued, RunEnd, RunFailure, Terms, Worker};

    async fn lines(db: &Db) -> Vec<String> {
        let mut lines = Vec::new();
        let mut write = |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        db.dump(&mut write).await.unwrap();
        lines
    }

    async fn restored(db: &Db, lines: &[String]) -> Result<u64, StoreError> {
        let mut lines = lines.iter().cloned().map(Ok);
        db.restore(&mut lines).await
    }

    /// A state with something in it: a run that failed with strange words, and one that is parked.
    async fn lived_in() -> (tempfile::TempDir, Db) {
        let (folder, db) = crate::testing::database().await;
        let at = Timestamp::from_secs;
        for title in ["A", "B"] {
            let new = NewRun {
                title: title.parse().unwrap(),
                trigger: Trigger::Schedule,
                request: json!({"name": title}),
                terms: Terms {
                    after: vec!["Z".parse().unwrap()],
                    ..Terms::default()
                },
            };
            assert!(matches!(
                db.run_queue(&new, at(1)).await.unwrap(),
                Queued::New(_)
            ));
            let claimed = db.run_claim(&Worker::named("w"), at(1), at(60)).await;
            let (_, lease) = claimed.unwrap().unwrap();
            assert!(db.run_start(lease, at(2)).await.unwrap());
            let done = if title == "A" {
                let failure = RunFailure {
                    class: FailureClass::Download,
                    cause: "ein \"Wort\"\n\u{1F980} '; drop table run; --".to_owned(),
                    next_step: "look".to_owned(),
                    step: None,
                    detail: None,
                    incident: None,
                };
                let end = RunEnd::Failed(failure);
                db.run_finish(lease, &end, None, at(3)).await
            } else {
                let parking = Parking {
                    parked: json!({"x": [1, 2]}),
                    due_at: at(9),
                    deadline_at: at(99),
                };
                db.run_park(lease, &parking).await
            };
            assert!(done.unwrap());
        }
        (folder, db)
    }

    #[tokio::test]
    async fn what_was_written_out_is_the_same_when_it_was_taken_in() {
        let (_folder, db) = lived_in().await;
        let written = lines(&db).await;
        let (_other, new) = crate::testing::database().await;
        let count = restored(&new, &written).await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), written.len() - 1);
        assert_eq!(lines(&new).await, written);
        assert_eq!(
            new.run_list(9).await.unwrap(),
            db.run_list(9).await.unwrap()
        );
        let error = restored(&new, &written).await.unwrap_err();
        assert!(
            matches!(error, StoreError::NotEmpty { table: "run" }),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn half_of_it_leaves_nothing() {
        let (_folder, db) = lived_in().await;
        let mut written = lines(&db).await;
        let (_other, new) = crate::testing::database().await;
        written.push("{\"table\": \"run\", \"row\": {\"id) select 1; --\": 1}}".to_owned());
        let error = restored(&new, &written).await.unwrap_err();
        let last = u64::try_from(written.len()).unwrap();
        assert!(
            matches!(error, StoreError::NoDump { line } if line == last),
            "{error:?}"
        );
        assert_eq!(new.run_list(9).await.unwrap(), []);
        written.pop();
        written[0] = written[0].replace("\"migration\":", "\"migration\":9");
        let error = restored(&new, &written).await.unwrap_err();
        assert!(matches!(error, StoreError::Newer { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn every_table_is_written_out_or_says_who_is_there_now() {
        let (_folder, db) = crate::testing::database().await;
        let asked = if db.is_server() {
            "select cast(table_name as text) from information_schema.tables where table_schema = current_schema()"
        } else {
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"
        };
        let mut found: Vec<String> = sqlx::query_scalar(asked)
            .fetch_all(db.reader())
            .await
            .unwrap();
        found.sort();
        let mut known = [
            &TABLES[..],
            &[
                "_sqlx_migrations",
                "administrator_session",
                "api_answer",
                "event",
                "catalogue_session",
                "lease",
                "node",
                "run_tally",
                "tenancy_mark",
                "title",
                "oidc_session",
            ],
        ]
        .concat();
        known.sort_unstable();
        assert_eq!(found, known);
    }
}
