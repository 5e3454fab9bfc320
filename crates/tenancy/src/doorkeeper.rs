//! Knows a tenant by what somebody says, and opens its secrets; an unknown one costs as much work as a known one.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use model::{SecretId, TenantId, Timestamp};
use redact::Secret;
use store::{Db, SealedSecret, Tenant, TenantKey, TenantState};

use crate::{SecretKind, TenancyError, Vault, random, tenants, vault};

/// How many opened secrets are remembered; with more, all are forgotten and opened anew when they are needed.
const REMEMBERED: usize = 8192;

/// Knows tenants by what somebody says.
///
/// Opened secrets are remembered by their sealed text: what was replaced, sealed anew or deleted is not found again,
/// since the database is asked each time.
#[derive(Clone)]
pub(crate) struct Doorkeeper {
    db: Db,
    vault: Vault,
    opened: Arc<Mutex<HashMap<String, Secret<String>>>>,
    /// Stands for the secret of a tenant that there is not.
    nobody: Arc<SealedSecret>,
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper").finish_non_exhaustive()
    }
}

/// What is known of who somebody says to be.
pub(crate) struct Known {
    /// The tenant, if there is one, and it may do something.
    pub(crate) tenant: Option<Tenant>,
    /// The catalog that it reads.
    pub(crate) catalog: Option<String>,
    /// Its secrets of one kind, the newest first; of nobody there is one that nobody has.
    pub(crate) asked: Vec<Secret<String>>,
    /// When each of these ends.
    pub(crate) ends: Vec<Option<Timestamp>>,
    /// The newest of its other secrets that every server knows by now.
    pub(crate) other: Option<Secret<String>>,
}

/// How long it may take until a server that has its own list of credentials knows a new one.
const SETTLING: Duration = Duration::from_mins(1);

/// How long the one before has to be good for still, to be given out instead.
const WORTH_GIVING: Duration = Duration::from_mins(10);

/// Of secrets, the newest first, the one to give out.
fn settled(secrets: &[SealedSecret], now: Timestamp) -> Option<&SealedSecret> {
    let (settled, enough) = (now.minus(SETTLING), now.plus(WORTH_GIVING));
    let before = secrets.iter().find(|secret| {
        let is_worth_it = secret.valid_until.is_none_or(|until| until >= enough);
        secret.made_at <= settled && is_worth_it
    });
    before.or_else(|| secrets.first())
}

impl Doorkeeper {
    /// Opens what is in `db` with `vault`.
    ///
    /// # Errors
    /// If the vault fails.
    pub(crate) fn new(db: Db, vault: Vault) -> Result<Self, TenancyError> {
        let tenant = TenantId::new();
        let kind = SecretKind::Token.as_str();
        let secret = random::text(32)?;
        let (sealed, key_id) = vault.seal(&tenants::place(tenant, kind), &secret)?;
        let nobody = SealedSecret {
            id: SecretId::new(),
            tenant,
            kind: kind.to_owned(),
            sealed,
            key_id,
            made_at: Timestamp::default(),
            valid_until: None,
        };
        let opened = HashMap::from([(nobody.sealed.clone(), Secret::new(secret))]);
        Ok(Self {
            db,
            vault,
            opened: Arc::new(Mutex::new(opened)),
            nobody: Arc::new(nobody),
        })
    }

    pub(crate) const fn db(&self) -> &Db {
        &self.db
    }

    /// What is known of who says to be `key`, with the secrets of `kind`.
    ///
    /// # Errors
    /// If the state or the vault fails.
    pub(crate) async fn known(
        &self,
        key: TenantKey<'_>,
        kind: SecretKind,
        now: Timestamp,
    ) -> Result<Known, TenancyError> {
        let view = self.db.tenant_view(key, now).await?;
        let (tenant, catalog, secrets) = match view {
            Some(view) => (Some(view.tenant), view.catalog, view.secrets),
            None => (None, None, Vec::new()),
        };
        let (asked, others): (Vec<_>, Vec<_>) = secrets
            .into_iter()
            .partition(|secret| secret.kind == kind.as_str());
        let mut known = Known {
            tenant: tenant.filter(|tenant| tenant.state == TenantState::Active),
            catalog,
            asked: Vec::new(),
            ends: Vec::new(),
            other: None,
        };
        for secret in &asked {
            known.asked.push(self.open(secret).await?);
            known.ends.push(secret.valid_until);
        }
        if known.asked.is_empty() {
            known.asked.push(self.open(&self.nobody).await?);
            known.ends.push(None);
        }
        let other = settled(&others, now).unwrap_or(&self.nobody);
        known.other = Some(self.open(other).await?).filter(|_| !others.is_empty());
        Ok(known)
    }

    async fn open(&self, secret: &SealedSecret) -> Result<Secret<String>, TenancyError> {
        if let Some(opened) = self.remembered(&secret.sealed) {
            return Ok(opened);
        }
        let vault = self.vault.clone();
        let place = tenants::place(secret.tenant, &secret.kind);
        let (sealed, key_id) = (secret.sealed.clone(), secret.key_id.clone());
        let opened = vault::blocking(move || {
            let opened = vault.open(&place, &sealed, &key_id)?;
            Ok(Secret::new((*opened).clone()))
        })
        .await?;
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|sealed, _| *sealed == self.nobody.sealed);
        }
        all.insert(secret.sealed.clone(), opened.clone());
        Ok(opened)
    }

    fn remembered(&self, sealed: &str) -> Option<Secret<String>> {
        let all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(sealed).cloned()
    }
}
