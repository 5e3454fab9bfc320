//! What is done for tenants again and again: credentials are replaced, what is old is forgotten.

use std::time::Duration;

use store::Db;
use tenancy::{TenancyError, Tenants};
use tokio_util::sync::CancellationToken;

use super::trouble::Trouble;
use crate::{Config, open_tenants};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_mins(15);

/// What is done for tenants again and again.
#[derive(Clone, Debug)]
pub struct Keeping {
    tenants: Tenants,
    rotation: Option<Duration>,
    overlap: Duration,
    check_ins: Duration,
}

impl Keeping {
    /// For the tenants in `db`, as the configuration says.
    pub fn new(config: &Config, db: &Db) -> Self {
        Self {
            tenants: open_tenants(config, db.clone()),
            rotation: config.pods.rotation(),
            overlap: config.pods.overlap(),
            check_ins: config.envquery.check_ins(),
        }
    }

    async fn turn(&self) -> Result<(), TenancyError> {
        if let Some(age) = self.rotation {
            let rotated = self.tenants.rotate_due(age, self.overlap).await?;
            if rotated > 0 {
                tracing::info!(tenants = rotated, "credentials replaced, as they were due");
            }
        }
        self.tenants.forget_old_secrets().await?;
        let forgotten = self.tenants.forget_check_ins(self.check_ins).await?;
        if forgotten > 0 {
            tracing::info!(check_ins = forgotten, "old check-ins forgotten");
        }
        let administration = self.tenants.administration();
        let forgetting = administration.forget_sessions().await;
        let over = forgetting.map_err(|error| TenancyError::Administrators(Box::new(error)))?;
        let over = over.saturating_add(self.tenants.catalogue().forget_sessions().await?);
        if over > 0 {
            tracing::debug!(sessions = over, "sessions forgotten");
        }
        let forgetting = administration.forget_answers().await;
        let over = forgetting.map_err(|error| TenancyError::Administrators(Box::new(error)))?;
        if over > 0 {
            tracing::debug!(rows = over, "old answers and events forgotten");
        }
        Ok(())
    }
}

/// Does it until `end`.
pub(super) async fn keep(keeping: Keeping, end: CancellationToken) {
    let mut trouble = Trouble::none("tenants");
    loop {
        let wait = match keeping.turn().await {
            Ok(()) => {
                trouble.over();
                LOOK
            }
            Err(error) => trouble.again(&error),
        };
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
