//! Tenants: made, changed, and gone.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{Clock, SecretId, TenantId, Timestamp};
use redact::Secret;
use store::{CheckIn, Db, SealedSecret, Tenant, TenantRing, TenantState};

use crate::{
    TenancyError, Vault, administration::Administration, catalogue::Access, random, vault::blocking,
};

const SLUG_LEN: usize = 16;
const TOKEN_LEN: usize = 32;
const USER_LEN: usize = 16;
const PASSWORD_LEN: usize = 16;
const LONGEST_CUSTOMER: usize = 255;

/// What a secret is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SecretKind {
    /// User and password of the tenant's view.
    Credential,
    /// The key with which its Macs sign what they ask.
    Token,
}

impl SecretKind {
    /// The name used in tables, logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Token => "token",
        }
    }
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tenant that is to be.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its customer ID.
    pub customer: String,
    /// The catalog of its ring.
    pub ring: String,
    /// The items it may have, by name; all if not given.
    pub entitled: Option<Vec<String>>,
    /// Who makes it.
    pub by: String,
}

/// A tenant that was just made, and its secrets, which nobody sees again.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// The tenant.
    pub tenant: Tenant,
    /// With which its Macs sign what they ask.
    pub token: Secret<String>,
    /// Of its view.
    pub credential: Credential,
}

/// User and password of a tenant's view.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

impl Credential {
    fn new() -> Result<Self, TenancyError> {
        Ok(Self {
            user: random::text(USER_LEN)?,
            password: Secret::new(random::text(PASSWORD_LEN)?),
        })
    }

    /// As it stands behind `Basic` (RFC 7617).
    pub fn basic(&self) -> Secret<String> {
        let pair = format!("{}:{}", self.user, self.password.expose());
        Secret::new(STANDARD.encode(pair))
    }
}

/// # Errors
/// If nothing was changed, since it was not as it was looked at.
fn changed(is_done: bool) -> Result<(), TenancyError> {
    is_done.then_some(()).ok_or(TenancyError::Changed)
}

/// The tenants of a house.
#[derive(Clone, Debug)]
pub struct Tenants {
    pub(crate) db: Db,
    vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    rings: Vec<String>,
    as_of: Option<String>,
}

impl Tenants {
    /// Tenants in `db`, their secrets sealed by `vault`. With `rings` each has one of those, without any catalog.
    pub fn new(db: Db, vault: Vault, clock: Arc<dyn Clock>, rings: Vec<String>) -> Self {
        Self {
            db,
            vault,
            clock,
            rings,
            as_of: None,
        }
    }

    /// The same as they are now: what is changed here is changed only if nobody has changed any tenant since, and is
    /// [`TenancyError::Changed`] otherwise.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn as_of_now(&self) -> Result<Self, TenancyError> {
        Ok(Self {
            as_of: Some(self.db.tenancy_mark().await?),
            ..self.clone()
        })
    }

    /// Makes a tenant with a token and a credential.
    ///
    /// # Errors
    /// If the name cannot be one or is taken, the ring is none, or the state or the vault fails.
    pub async fn create(&self, new: NewTenant) -> Result<Welcome, TenancyError> {
        check_customer(&new.customer)?;
        self.check_ring(&new.ring)?;
        let tenant = Tenant {
            id: TenantId::new(),
            customer: new.customer,
            slug: random::text(SLUG_LEN)?,
            state: TenantState::Active,
            entitled: new.entitled,
            created_at: self.clock.now(),
            created_by: new.by,
        };
        let token = Secret::new(random::text(TOKEN_LEN)?);
        let credential = Credential::new()?;
        let secrets = [
            self.seal(tenant.id, SecretKind::Token, token.expose())
                .await?,
            self.seal(
                tenant.id,
                SecretKind::Credential,
                credential.basic().expose(),
            )
            .await?,
        ];
        if !self.db.tenant_add(&tenant, &new.ring, &secrets).await? {
            return Err(TenancyError::Exists {
                customer: tenant.customer,
            });
        }
        tracing::info!(tenant.id = %tenant.id, tenant.slug = tenant.slug, "tenant made");
        Ok(Welcome {
            tenant,
            token,
            credential,
        })
    }

    /// The tenants by name; those that are no more, too, if they are asked for.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn list(&self, with_deleted: bool) -> Result<Vec<Tenant>, TenancyError> {
        Ok(self.db.tenant_list(with_deleted).await?)
    }

    /// The tenant of that name.
    ///
    /// # Errors
    /// If there is none, or the state fails.
    pub async fn find(&self, customer: &str) -> Result<Tenant, TenancyError> {
        let found = self.db.tenant_find(customer).await?;
        found.ok_or_else(|| TenancyError::Unknown {
            customer: customer.to_owned(),
        })
    }

    /// Which rings tenants could read, and when; the oldest first.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn rings(&self) -> Result<Vec<TenantRing>, TenancyError> {
        Ok(self.db.tenant_rings().await?)
    }

    /// The catalog that a tenant read last, or reads.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn ring_of(&self, tenant: &Tenant) -> Result<Option<String>, TenancyError> {
        let mut rings = self.db.tenant_rings().await?;
        rings.retain(|stay| stay.tenant == tenant.id);
        Ok(rings.pop().map(|stay| stay.catalog))
    }

    /// The last check-ins of a tenant's Macs, the newest first.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn check_ins(
        &self,
        tenant: &Tenant,
        limit: u32,
    ) -> Result<Vec<CheckIn>, TenancyError> {
        Ok(self.db.check_in_list(tenant.id, limit).await?)
    }

    /// Lets a tenant read nothing from now on.
    ///
    /// # Errors
    /// If there is none, or the state fails.
    pub async fn suspend(&self, customer: &str) -> Result<Tenant, TenancyError> {
        self.stand(customer, TenantState::Suspended).await
    }

    /// Lets a tenant that was suspended read again, what it read before.
    ///
    /// # Errors
    /// If there is none, or the state fails.
    pub async fn resume(&self, customer: &str) -> Result<Tenant, TenancyError> {
        self.stand(customer, TenantState::Active).await
    }

    /// Lets a tenant go: its secrets are gone at once.
    ///
    /// # Errors
    /// If there is none, or the state fails.
    pub async fn delete(&self, customer: &str) -> Result<Tenant, TenancyError> {
        self.stand(customer, TenantState::Deleted).await
    }

    async fn stand(&self, customer: &str, state: TenantState) -> Result<Tenant, TenancyError> {
        let tenant = self.find(customer).await?;
        if tenant.state == state {
            return Ok(tenant);
        }
        let ring = self.ring_of(&tenant).await?;
        let now = self.clock.now();
        let id = (tenant.id, self.as_of.as_deref());
        let standing = self.db.tenant_stand(id, state, ring.as_deref(), now);
        changed(standing.await?)?;
        tracing::info!(tenant.id = %tenant.id, tenant.state = state.as_str(), "tenant changed");
        Ok(Tenant { state, ..tenant })
    }

    /// Gives a tenant another ring.
    ///
    /// # Errors
    /// If there is no such tenant or ring, it is suspended, or the state fails.
    pub async fn assign(&self, customer: &str, ring: &str) -> Result<Tenant, TenancyError> {
        self.check_ring(ring)?;
        let tenant = self.find(customer).await?;
        if tenant.state == TenantState::Suspended {
            return Err(TenancyError::Suspended {
                customer: tenant.customer,
            });
        }
        let now = self.clock.now();
        let id = (tenant.id, self.as_of.as_deref());
        let standing = self
            .db
            .tenant_stand(id, TenantState::Active, Some(ring), now);
        changed(standing.await?)?;
        tracing::info!(tenant.id = %tenant.id, ring, "tenant changed");
        Ok(tenant)
    }

    /// Says which items a tenant may have; all if no list is given.
    ///
    /// # Errors
    /// If there is none, or the state fails.
    pub async fn entitle(
        &self,
        customer: &str,
        entitled: Option<Vec<String>>,
    ) -> Result<Tenant, TenancyError> {
        let tenant = self.find(customer).await?;
        let id = (tenant.id, self.as_of.as_deref());
        changed(self.db.tenant_entitle(id, entitled.as_deref()).await?)?;
        Ok(Tenant { entitled, ..tenant })
    }

    /// Gives a tenant a new token; the old one is taken for `overlap` still.
    ///
    /// # Errors
    /// If there is none, or the state or the vault fails.
    pub async fn rotate_token(
        &self,
        customer: &str,
        overlap: Duration,
    ) -> Result<Secret<String>, TenancyError> {
        let token = Secret::new(random::text(TOKEN_LEN)?);
        self.rotate(customer, SecretKind::Token, token.expose(), overlap)
            .await?;
        Ok(token)
    }

    /// Gives a tenant a new credential; the old one is taken for `overlap` still.
    ///
    /// # Errors
    /// If there is none, or the state or the vault fails.
    pub async fn rotate_credential(
        &self,
        customer: &str,
        overlap: Duration,
    ) -> Result<Credential, TenancyError> {
        let credential = Credential::new()?;
        let basic = credential.basic();
        self.rotate(customer, SecretKind::Credential, basic.expose(), overlap)
            .await?;
        Ok(credential)
    }

    async fn rotate(
        &self,
        customer: &str,
        kind: SecretKind,
        secret: &str,
        overlap: Duration,
    ) -> Result<(), TenancyError> {
        let tenant = self.find(customer).await?;
        self.forget_old_secrets().await?;
        let sealed = self.seal(tenant.id, kind, secret).await?;
        let until = self.clock.now().plus(overlap);
        self.db.tenant_secret_replace(&sealed, until).await?;
        tracing::info!(tenant.id = %tenant.id, secret.kind = kind.as_str(), %until, "secret replaced");
        Ok(())
    }

    /// The secrets of one kind that are taken of a tenant now, the newest first; none while it is suspended.
    ///
    /// # Errors
    /// If the state or the vault fails.
    pub async fn valid(
        &self,
        tenant: &Tenant,
        kind: SecretKind,
    ) -> Result<Vec<Secret<String>>, TenancyError> {
        if tenant.state != TenantState::Active {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let mut sealed = self.db.tenant_secrets(Some(tenant.id), now).await?;
        sealed.retain(|secret| secret.kind == kind.as_str());
        let mut opened = Vec::new();
        for secret in sealed {
            opened.push(self.open(secret).await?);
        }
        Ok(opened)
    }

    /// Forgets secrets that are taken no more; answers how many.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn forget_old_secrets(&self) -> Result<u64, TenancyError> {
        Ok(self.db.tenant_secrets_forget(self.clock.now()).await?)
    }

    /// Seals every secret anew with a new key; interrupted, doing it again goes on. Answers the key's name.
    ///
    /// # Errors
    /// If the state or the vault fails. What was sealed can be opened all the same then.
    pub async fn rotate_key(&self) -> Result<String, TenancyError> {
        let before = self.sealed().await?;
        let mut used: Vec<String> = before.into_iter().map(|secret| secret.key_id).collect();
        let administration = self.administration();
        let failed = |error| TenancyError::Administrators(Box::new(error));
        used.extend(administration.keys_in_use().await.map_err(failed)?);
        let vault = self.vault.clone();
        let id = blocking(move || {
            // Keys of the change before this one: whoever sealed with those has written it down long ago.
            if vault.current_id()?.is_some() {
                vault.forget_keys(&used)?;
            }
            vault.change_key()
        })
        .await?;
        let mut resealed = Vec::new();
        for secret in self.sealed().await? {
            if secret.key_id == id {
                continue;
            }
            let opened = self.open(secret.clone()).await?;
            let place = place(secret.tenant, &secret.kind);
            let vault = self.vault.clone();
            let (sealed, key_id) = blocking(move || vault.seal(&place, opened.expose())).await?;
            resealed.push(SealedSecret {
                sealed,
                key_id,
                ..secret
            });
        }
        self.db.tenant_secrets_reseal(&resealed).await?;
        administration.reseal(&id).await.map_err(failed)?;
        tracing::info!(key.id = id, secrets = resealed.len(), "secrets sealed anew");
        Ok(id)
    }

    /// Those who administer the same house.
    pub fn administration(&self) -> Administration {
        Administration::new(self.db.clone(), self.vault.clone(), Arc::clone(&self.clock))
    }

    /// Who may look at their catalogues.
    pub fn catalogue(&self) -> Access {
        Access::new(self.db.clone(), Arc::clone(&self.clock))
    }

    /// Every sealed secret that is taken, now or later.
    async fn sealed(&self) -> Result<Vec<SealedSecret>, TenancyError> {
        Ok(self.db.tenant_secrets(None, self.clock.now()).await?)
    }

    async fn seal(
        &self,
        tenant: TenantId,
        kind: SecretKind,
        secret: &str,
    ) -> Result<SealedSecret, TenancyError> {
        let (vault, secret) = (self.vault.clone(), Secret::new(secret.to_owned()));
        let place = place(tenant, kind.as_str());
        let (sealed, key_id) = blocking(move || vault.seal(&place, secret.expose())).await?;
        Ok(SealedSecret {
            id: SecretId::new(),
            tenant,
            kind: kind.as_str().to_owned(),
            sealed,
            key_id,
            made_at: self.clock.now(),
            valid_until: None::<Timestamp>,
        })
    }

    pub(crate) async fn open(&self, secret: SealedSecret) -> Result<Secret<String>, TenancyError> {
        let vault = self.vault.clone();
        let opened = blocking(move || {
            let place = place(secret.tenant, &secret.kind);
            let opened = vault.open(&place, &secret.sealed, &secret.key_id)?;
            Ok(Secret::new((*opened).clone()))
        });
        Ok(opened.await?)
    }

    fn check_ring(&self, ring: &str) -> Result<(), TenancyError> {
        if self.rings.is_empty() || self.rings.iter().any(|known| known == ring) {
            return Ok(());
        }
        Err(TenancyError::NoRing {
            ring: ring.to_owned(),
            rings: self.rings.clone(),
        })
    }
}

/// User and password of what stands behind `Basic`.
pub(crate) fn parted(basic: &Secret<String>) -> Option<Credential> {
    let pair = STANDARD.decode(basic.expose()).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(Credential {
        user: user.to_owned(),
        password: Secret::new(password.to_owned()),
    })
}

/// What a secret is bound to: it cannot be put in the place of another one.
pub(crate) fn place(tenant: TenantId, kind: &str) -> String {
    format!("auto-update tenant {tenant} {kind}")
}

fn check_customer(customer: &str) -> Result<(), TenancyError> {
    let why = match customer {
        text if text.trim().is_empty() => "it says nothing",
        text if text.trim() != text => "it begins or ends with a space",
        text if text.len() > LONGEST_CUSTOMER => "it is longer than 255 bytes",
        text if text.chars().any(char::is_control) => "it holds a control character",
        _ => return Ok(()),
    };
    Err(TenancyError::Customer {
        given: customer.escape_debug().to_string(),
        why,
    })
}
