//! Figures of the whole house, for those who watch it.

use model::Priority;

use crate::{ConnectorHealth, Db, DeliveryState, RunCount, StoreError, column};

/// How much of what there is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Runs, by where they stand and why.
    pub runs: Vec<RunCount>,
    /// Deliveries, by where they stand.
    pub deliveries: Vec<(DeliveryState, u64)>,
    /// How each connector fares that anything is known of.
    pub connectors: Vec<ConnectorHealth>,
    /// Incidents that are not over, by priority.
    pub incidents: Vec<(Priority, u64)>,
    /// What came over the network in all, in bytes.
    pub download_bytes: u64,
}

impl Db {
    /// How much of what there is. Nothing that is not there is listed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        let failed = || StoreError::statement("count what there is");
        let deliveries: Vec<(String, i64)> =
            sqlx::query_as("select state, count(*) from delivery group by state order by state")
                .fetch_all(self.reader())
                .await
                .map_err(failed())?;
        let incidents: Vec<(String, i64)> = sqlx::query_as(
            "select priority, count(*)
             from incident
             where state <> 'resolved'
             group by priority
             order by priority",
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed())?;
        let download_bytes: i64 = sqlx::query_scalar(
            "select cast(
                 coalesce((select sum(len_bytes) from download where changed = 1), 0)
                 + coalesce((select value from figure where name = 'download_bytes'), 0)
             as bigint)",
        )
        .fetch_one(self.reader())
        .await
        .map_err(failed())?;
        Ok(Figures {
            runs: self.run_counts().await?,
            connectors: self.connector_health().await?,
            deliveries: deliveries
                .iter()
                .map(|(state, count)| {
                    let state = column::word("delivery.state", state)?;
                    Ok((state, column::count("delivery.count", *count)?))
                })
                .collect::<Result<_, StoreError>>()?,
            incidents: incidents
                .iter()
                .map(|(priority, count)| {
                    let priority = column::word("incident.priority", priority)?;
                    Ok((priority, column::count("incident.count", *count)?))
                })
                .collect::<Result<_, StoreError>>()?,
            download_bytes: column::count("download.len_bytes", download_bytes)?,
        })
    }

    /// Asks the database nothing, to see that it answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let _one: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations")
            .fetch_one(self.reader())
            .await
            .map_err(StoreError::statement("reach the database"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::{RunState, Timestamp, Trigger};
    use serde_json::json;

    use super::*;
    use crate::{Download, NewRun};

    #[tokio::test]
    async fn an_empty_house_has_no_figures() {
        let (_folder, db) = crate::testing::database().await;
        assert_eq!(db.figures().await.unwrap(), Figures::default());
        db.ping().await.unwrap();
        db.close().await;
        assert!(db.ping().await.is_err());
    }

    #[tokio::test]
    async fn counts_what_came_over_the_network() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1);
        let new = NewRun {
            title: "A.munki".parse().unwrap(),
            trigger: Trigger::Manual,
            request: json!({}),
            terms: crate::Terms::default(),
        };
        db.run_queue(&new, now).await.unwrap();
        let claimed = db
            .run_claim(&crate::Worker::named("me"), now, Timestamp::from_secs(60))
            .await;
        let (_, lease) = claimed.unwrap().unwrap();
        for (path, changed) in [("/a", true), ("/b", true), ("/c", false)] {
            let download = Download {
                path: path.to_owned(),
                url: "https://example.org/".to_owned(),
                sha256: None,
                len_bytes: Some(10),
                changed,
                seen_at: now,
            };
            assert!(db.run_note(lease, &download.into()).await.unwrap());
        }
        let figures = db.figures().await.unwrap();
        assert_eq!(figures.download_bytes, 20);
        assert_eq!(
            figures.runs,
            [RunCount {
                state: RunState::Running,
                class: None,
                count: 1
            }]
        );
    }
}
