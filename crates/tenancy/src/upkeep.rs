//! What is due by itself: credentials that are old, and what was kept long enough.

use std::time::Duration;

use store::TenantState;

use crate::{SecretKind, TenancyError, Tenants};

/// Check-ins are kept for at least so long, because a question could be asked again meanwhile.
const SHORTEST_MEMORY: Duration = Duration::from_mins(10);

impl Tenants {
    /// Replaces each active tenant's credential that is at least `age` old; the old one is taken for `overlap` still.
    /// Answers how many were replaced.
    ///
    /// # Errors
    /// If the state or the vault fails; the rest is still due then.
    pub async fn rotate_due(&self, age: Duration, overlap: Duration) -> Result<u64, TenancyError> {
        let now = self.clock.now();
        let latest = now.minus(age);
        let mut old = self.db.tenant_secrets(None, now).await?;
        old.retain(|secret| {
            secret.kind == SecretKind::Credential.as_str()
                && secret.valid_until.is_none()
                && secret.made_at <= latest
        });
        let mut rotated: u64 = 0;
        for tenant in self.list(false).await? {
            let is_due = old.iter().any(|secret| secret.tenant == tenant.id);
            if is_due && tenant.state == TenantState::Active {
                self.rotate_credential(&tenant.customer, overlap).await?;
                rotated = rotated.saturating_add(1);
            }
        }
        Ok(rotated)
    }

    /// Forgets check-ins that are older than `kept`; answers how many.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn forget_check_ins(&self, kept: Duration) -> Result<u64, TenancyError> {
        let before = self.clock.now().minus(kept.max(SHORTEST_MEMORY));
        Ok(self.db.check_in_purge(before).await?)
    }
}
