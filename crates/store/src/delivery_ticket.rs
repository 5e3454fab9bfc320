//! Tickets: what desks call our incidents.

use model::{IncidentId, Timestamp};

use crate::{Db, StoreError, db::Tx};

/// An incident at one desk.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ticket {
    /// What the desk knows it by.
    pub reference: String,
    /// Where a person sees it.
    pub url: Option<String>,
}

impl Db {
    /// The ticket of an incident at a desk, if the desk told us of one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ticket_find(
        &self,
        incident: IncidentId,
        connector: &str,
    ) -> Result<Option<Ticket>, StoreError> {
        let row: Option<(String, Option<String>)> = sqlx::query_as(
            "select reference, url
             from ticket
             where incident_id = $1 and connector = $2",
        )
        .bind(incident.to_string())
        .bind(connector)
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("read a ticket"))?;
        Ok(row.map(|(reference, url)| Ticket { reference, url }))
    }

    /// The tickets of an incident, with the connector of each.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn ticket_list(
        &self,
        incident: IncidentId,
    ) -> Result<Vec<(String, Ticket)>, StoreError> {
        let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "select connector, reference, url
             from ticket
             where incident_id = $1
             order by connector",
        )
        .bind(incident.to_string())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("list tickets"))?;
        let ticket = |(connector, reference, url)| (connector, Ticket { reference, url });
        Ok(rows.into_iter().map(ticket).collect())
    }
}

/// Keeps what the desk calls the incident; a successor takes the place of a ticket that is closed for good.
pub(crate) async fn put_tx(
    tx: &mut Tx,
    (incident, connector): (IncidentId, &str),
    ticket: &Ticket,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into ticket (incident_id, connector, reference, url, noted_at)
         values ($1, $2, $3, $4, $5)
         on conflict (incident_id, connector) do update
         set reference = excluded.reference, url = excluded.url, noted_at = excluded.noted_at",
    )
    .bind(incident.to_string())
    .bind(connector)
    .bind(&ticket.reference)
    .bind(&ticket.url)
    .bind(now.as_micros())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::statement("keep a ticket"))?;
    Ok(())
}
