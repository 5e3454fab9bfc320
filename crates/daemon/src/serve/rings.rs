//! What comes into rings by itself, what nobody needs any more, and what can be forgotten.

use std::time::Duration;

use pipeline::{Engine, Failure, Upkeep};
use tokio_util::sync::CancellationToken;

/// How often it is looked what is due.
const TURN: Duration = Duration::from_mins(5);

/// How many turns go by before old versions are looked for again: a day.
const RETENTION: u32 = 288;

/// How many turns go by before scanners are asked again: an hour. A report is good for a day.
const SCANS: u32 = 12;

/// Keeps the rings until `end`.
pub(super) async fn keep(engine: Engine, end: CancellationToken) {
    let mut rings = Duty::new(Upkeep::Rings);
    let mut retention = Duty::new(Upkeep::Retention);
    let mut scans = Duty::new(Upkeep::Scans);
    let mut records = Duty::new(Upkeep::Records);
    for round in (0..RETENTION).cycle() {
        rings.done(&engine, turn(&engine).await).await;
        if round % SCANS == 0 {
            let looked = engine.look_again().await;
            scans.done(&engine, looked.map(drop)).await;
        }
        if round == 0 {
            retention.done(&engine, retire(&engine).await).await;
            let forgotten = engine.forget_old().await;
            records.done(&engine, forgotten.map(drop)).await;
        }
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(TURN) => {}
        }
    }
}

async fn turn(engine: &Engine) -> Result<(), Failure> {
    let moves = match engine.rings_turn().await {
        Ok(moves) => moves,
        // Somebody may have changed an item between the look and the move; anything else happens again.
        Err(_perhaps_past) => engine.rings_turn().await?,
    };
    for moved in moves {
        tracing::info!("{moved}");
    }
    Ok(())
}

async fn retire(engine: &Engine) -> Result<(), Failure> {
    engine.purge_changes().await?;
    let retention = engine.retention();
    if retention.automatic {
        engine.retire(retention.keep, false, None).await?;
    }
    Ok(())
}

/// Something that is done again and again, and of which the desk hears when it begins to fail, and when it works again.
pub(super) struct Duty {
    upkeep: Upkeep,
    /// Whether it worked the last time; not known after a start.
    worked: Option<bool>,
}

impl Duty {
    pub(super) const fn new(upkeep: Upkeep) -> Self {
        Self {
            upkeep,
            worked: None,
        }
    }

    pub(super) async fn done(&mut self, engine: &Engine, outcome: Result<(), Failure>) {
        let works = outcome.is_ok();
        if let Err(failure) = &outcome {
            tracing::error!(
                upkeep = ?self.upkeep,
                error = failure.cause(),
                detail = failure.detail,
                "upkeep failed"
            );
        }
        if self.worked == Some(works) {
            return;
        }
        match &outcome {
            Ok(()) => engine.tell_of_its_end(self.upkeep).await,
            Err(failure) => {
                engine.tell_of_trouble(self.upkeep, failure).await;
            }
        }
        self.worked = Some(works);
    }
}
