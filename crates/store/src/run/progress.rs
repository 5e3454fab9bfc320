//! How runs come on, and how they end.

use model::{IncidentId, RunId, Timestamp};
use serde_json::Value;

use super::{Lease, NewRun, Parking, RunEnd, queue_tx};
use crate::{Db, StoreError, batch::Batch};

impl Db {
    /// Sets a run going, from the start: what an earlier attempt noted of its steps and downloads is dropped.
    ///
    /// False if the lease is lost, or the run is past its steps. A power failure may take it along: who takes the run
    /// up then begins anew.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_start(&self, lease: Lease, now: Timestamp) -> Result<bool, StoreError> {
        const OURS: &str =
            "id = $1 and fence = $2 and lease_owner is not null and state in ('queued', 'running')";
        let started = async {
            let mut batch = Batch::default();
            batch.bind(lease.run.to_string())?;
            batch.bind(i64::from(lease.fence))?;
            batch.bind(now.as_micros())?;
            for table in ["step", "download"] {
                batch.push(format!(
                    "delete from {table} where run_id = (select id from run where {OURS})"
                ));
            }
            batch.push(format!(
                "update run
                 set state = 'running', started_at = coalesce(started_at, $3)
                 where {OURS}
                 returning 1 as one"
            ));
            if self.is_server() {
                let rows = batch.carry_out(self.writer(), true).await?;
                return Ok(!rows.is_empty());
            }
            Ok(batch.carry_out_lightly(self.writer()).await? > 0)
        };
        started.await.map_err(StoreError::statement("start a run"))
    }

    /// Parks a run until its scan is to be looked at again, and gives the lease back; false if the lease is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_park(&self, lease: Lease, parking: &Parking) -> Result<bool, StoreError> {
        let parked = sqlx::query(
            "update run
             set state = 'scanning', parked = $1, due_at = $2, deadline_at = $3, attempts = 0,
                 lease_owner = null, leased_until_at = null
             where id = $4 and fence = $5 and lease_owner is not null and state in ('running', 'scanning')",
        )
        .bind(parking.parked.to_string())
        .bind(parking.due_at.as_micros())
        .bind(parking.deadline_at.as_micros())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("park a run"))?;
        Ok(parked.rows_affected() == 1)
    }

    /// Marks that the change set of a run is being applied, with what is needed to do so again; false if the lease
    /// is lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_publish(&self, lease: Lease, parked: &Value) -> Result<bool, StoreError> {
        let moved = sqlx::query(
            "update run
             set state = 'publishing', parked = $1
             where id = $2
               and fence = $3
               and lease_owner is not null
               and state in ('running', 'scanning', 'publishing')",
        )
        .bind(parked.to_string())
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("begin a publication"))?;
        Ok(moved.rows_affected() == 1)
    }

    /// Ends a run, or leaves it to a person, and queues the one that tries `again`; false if the lease is lost,
    /// or the run is to be cancelled and is being published.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_finish(
        &self,
        lease: Lease,
        end: &RunEnd,
        again: Option<&NewRun>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let failed = || StoreError::statement("end a run");
        let failure = end.failure();
        let mut tx = self.begin("end a run").await?;
        let finished = sqlx::query(
            "update run
             set state = $1, finished_at = $2, class = $3, cause = $4, next_step = $5, step = $6, detail = $7,
                 incident_id = $8, lease_owner = null, leased_until_at = null
             where id = $9
               and fence = $10
               and lease_owner is not null
               and state in ('queued', 'running', 'scanning', 'publishing')
               and (state <> 'publishing' or $1 <> 'cancelled')",
        )
        .bind(end.state().as_str())
        .bind(now.as_micros())
        .bind(failure.map(|failure| failure.class.as_str()))
        .bind(failure.map(|failure| failure.cause.as_str()))
        .bind(failure.map(|failure| failure.next_step.as_str()))
        .bind(failure.and_then(|failure| failure.step.as_deref()))
        .bind(failure.and_then(|failure| failure.detail.as_deref()))
        .bind(failure.and_then(|failure| failure.incident).map(|id| id.to_string()))
        .bind(lease.run.to_string())
        .bind(i64::from(lease.fence))
        .execute(&mut *tx)
        .await
        .map_err(failed())?;
        if finished.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(again) = again {
            queue_tx(&mut tx, again, now).await?;
            self.announce_run(&mut tx).await?;
        }
        tx.commit().await.map_err(failed())?;
        Ok(true)
    }

    /// Notes that the service desk knows how a run ended, and which incident tells of it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn run_told(
        &self,
        id: RunId,
        incident: Option<IncidentId>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "update run
             set desk_told = 1, incident_id = coalesce($1, incident_id)
             where id = $2",
        )
        .bind(incident.map(|incident| incident.to_string()))
        .bind(id.to_string())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("note that the desk knows of a run"))?;
        Ok(())
    }
}
