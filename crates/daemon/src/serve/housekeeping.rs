//! Work that only brings things to where they should be, again and again.

use std::time::Duration;

use desk::DeskError;
use pipeline::Engine;
use tokio_util::sync::CancellationToken;

use super::trouble::Trouble;

/// How often desks are told of runs that they should have heard of already.
const TELLING: Duration = Duration::from_secs(30);

/// How many tellings go by before leases and the repository are looked over again.
const RECOVERY: u32 = 20;

/// Puts in order what a crash left behind, once.
pub(super) async fn recover(engine: &Engine) {
    match engine.recover().await {
        Ok(recovered) => {
            for publication in recovered {
                let id = &publication.id;
                tracing::info!(change_set.id = %id, outcome = ?publication.outcome, "publication recovered");
            }
        }
        // Runs can go on, and the next round tries again.
        Err(failure) => {
            tracing::error!(
                error = failure.cause(),
                "what a crash may have left behind could not be put in order"
            );
        }
    }
}

/// Keeps house until `end`.
pub(super) async fn keep(engine: Engine, end: CancellationToken) {
    let mut trouble = Trouble::none("reconciler");
    let mut wait = TELLING;
    for round in (1..=RECOVERY).cycle() {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = match look(&engine).await {
            Ok(()) => {
                trouble.over();
                TELLING
            }
            Err(error) => trouble.again(&error),
        };
        if round == RECOVERY {
            recover(&engine).await;
        }
    }
}

/// Tells desks of runs they do not know of, and of what the time alone has changed.
async fn look(engine: &Engine) -> Result<(), DeskError> {
    engine.tell_desk().await?;
    engine.desk().tick().await?;
    engine.desk().digest().await?;
    Ok(())
}
