//! Looking through incidents, page by page.

use model::{IncidentId, Title};

use crate::{Db, Incident, IncidentFilter, StoreError, column, incident::IncidentRow};

impl Db {
    /// The incidents that are not over, the most urgent first, at most `limit` behind the first `skip` of them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_urgent(
        &self,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<IncidentRow> = sqlx::query_as(
            "select id, scope, title, class, state, priority, cause, next_step, run_id, step, excerpt,
                    repeats, reopened, first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at,
                    acknowledged_at, acknowledged_by, resolved_at, resolution, told_at
             from incident
             where state <> 'resolved'
             order by priority, id
             limit $1 offset $2",
        )
        .bind(i64::from(limit))
        .bind(i64::from(skip))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list urgent incidents"))?;
        let incidents = rows.into_iter().map(Incident::try_from);
        self.with_keeping(incidents.collect::<Result<_, _>>()?)
            .await
    }

    /// The incidents of a title that are not over, whatever their scope, the most urgent first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_urgent_of(&self, title: &Title) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<IncidentRow> = sqlx::query_as(
            "select id, scope, title, class, state, priority, cause, next_step, run_id, step, excerpt,
                    repeats, reopened, first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at,
                    acknowledged_at, acknowledged_by, resolved_at, resolution, told_at
             from incident
             where state <> 'resolved' and title = $1
             order by priority, id",
        )
        .bind(title.as_str())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list urgent incidents of a title"))?;
        let incidents = rows.into_iter().map(Incident::try_from);
        self.with_keeping(incidents.collect::<Result<_, _>>()?)
            .await
    }

    /// How many incidents are not over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_count(&self) -> Result<u64, StoreError> {
        let count: i64 =
            sqlx::query_scalar("select count(*) from incident where state <> 'resolved'")
                .fetch_one(self.reader())
                .await
                .map_err(StoreError::statement("count incidents"))?;
        column::count("incident.count", count)
    }

    /// Incidents from before `before`, at most `limit`, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_page(
        &self,
        filter: IncidentFilter,
        before: Option<IncidentId>,
        limit: u32,
    ) -> Result<Vec<Incident>, StoreError> {
        let rows: Vec<IncidentRow> = sqlx::query_as(
            "select id, scope, title, class, state, priority, cause, next_step, run_id, step, excerpt,
                    repeats, reopened, first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at,
                    acknowledged_at, acknowledged_by, resolved_at, resolution, told_at
             from incident
             where id < $1 and (state <> 'resolved' or $2 = 1)
             order by id desc
             limit $3",
        )
        // No id is above this.
        .bind(before.map_or_else(|| "~".to_owned(), |id| id.to_string()))
        .bind(i64::from(filter == IncidentFilter::All))
        .bind(i64::from(limit))
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list incidents"))?;
        let incidents = rows.into_iter().map(Incident::try_from);
        self.with_keeping(incidents.collect::<Result<_, _>>()?)
            .await
    }
}
