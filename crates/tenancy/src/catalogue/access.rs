//! Who is let in to a catalogue.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use model::{Clock, TenantId};
use redact::Secret;
use store::{CatalogueAccess, Db, Tenant, TenantKey, TenantState};

use super::Reader;
use crate::{
    TenancyError,
    administration::{Audit, Entry, Refusal, Way},
    limits::Limit,
    session::{
        IDLE, LIFE, LONGEST, NOTED, digest_of, form_token_of, is_same, lock_rule, unguessable,
    },
};

/// How often an address may try to sign in in a minute.
const TRIES_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(20) {
    Some(times) => times,
    None => NonZeroU32::MIN,
};

/// Who is let in to the catalogues of tenants.
///
/// Cheap to clone; clones share the count of tries.
#[derive(Clone, Debug)]
pub struct Access {
    db: Db,
    clock: Arc<dyn Clock>,
    tries: Arc<Limit>,
}

/// Somebody tries to sign in.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The tenant's customer ID.
    pub customer: String,
    /// The tenant's code.
    pub code: Secret<String>,
    /// Where from.
    pub address: IpAddr,
}

/// Somebody at a tenant is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// What they see.
    pub reader: Reader,
    /// What has to come with every form.
    pub form_token: Secret<String>,
    /// The name under which it is known.
    id: String,
}

impl Session {
    /// Whether `given` is what has to come with every form.
    pub fn is_form_token(&self, given: &str) -> bool {
        is_same(self.form_token.expose(), given)
    }
}

impl Access {
    /// Access to what the tenants in `db` see.
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self {
            db,
            clock,
            tries: Arc::new(Limit::per_minute(TRIES_PER_MINUTE)),
        }
    }

    /// The audit log, for what comes by `way`.
    pub fn audit(&self, way: Way) -> Audit {
        Audit::of(self.db.clone(), Arc::clone(&self.clock), way)
    }

    /// Gives a tenant a code, which nobody sees again. The one before, its sessions and the tenant's feeds are over.
    ///
    /// # Errors
    /// If the tenant is suspended, or the state fails.
    pub async fn give(&self, tenant: &Tenant, by: &str) -> Result<Secret<String>, TenancyError> {
        if tenant.state != TenantState::Active {
            return Err(TenancyError::Suspended {
                customer: tenant.customer.clone(),
            });
        }
        let code = unguessable()?;
        let access = CatalogueAccess {
            code: digest_of(&code),
            locked_until: None,
            made_at: self.clock.now(),
            made_by: by.to_owned(),
        };
        self.db.catalogue_access_put(tenant.id, &access).await?;
        tracing::info!(tenant.id = %tenant.id, "access to a catalogue given");
        Ok(code)
    }

    /// Takes a tenant's code, sessions and feeds from it; false if it had none.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn revoke(&self, tenant: &Tenant) -> Result<bool, TenancyError> {
        let was = self.db.catalogue_access_remove(tenant.id).await?;
        tracing::info!(tenant.id = %tenant.id, "access to a catalogue revoked");
        Ok(was)
    }

    /// Signs somebody in who knows the tenant's code. Whatever is wrong, the same work is done.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn sign_in(&self, attempt: Attempt) -> Result<Entry, TenancyError> {
        let Attempt {
            customer,
            code,
            address,
        } = attempt;
        let now = self.clock.now();
        if let Err(wait) = self.tries.admit(address, now) {
            return Ok(Entry::TooMany(wait));
        }
        if customer.len() > LONGEST || code.expose().len() > LONGEST {
            return Ok(Entry::Refused(Refusal::Unknown));
        }
        let key = TenantKey::Customer(&customer);
        let view = self.db.tenant_view(key, now).await?;
        let tenant = view.map(|view| view.tenant);
        let tenant = tenant.filter(|tenant| tenant.state == TenantState::Active);
        let id = tenant.map_or_else(TenantId::new, |tenant| tenant.id);
        let access = self.db.catalogue_access_find(id).await?;
        let given = digest_of(&Secret::new(code.expose().trim().to_owned()));
        let known = access.as_ref().map_or("", |access| access.code.as_str());
        let is_right = is_same(known, &given);
        let locked_until = access.as_ref().and_then(|access| access.locked_until);
        if locked_until.is_some_and(|until| until > now) {
            return Ok(Entry::Refused(Refusal::Locked));
        }
        if is_right {
            let cookie = unguessable()?;
            let session = digest_of(&cookie);
            if self.db.catalogue_admit(id, &given, &session, now).await? {
                return Ok(Entry::Welcome(cookie));
            }
        }
        let is_locked = self.db.catalogue_access_fail(id, lock_rule(now)).await?;
        Ok(Entry::Refused(match (access, is_locked) {
            (None, _) => Refusal::Unknown,
            (Some(_), true) => Refusal::WrongAndLocked,
            (Some(_), false) => Refusal::Wrong,
        }))
    }

    /// Who holds this, if somebody is signed in with it; they were heard of now.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn session(&self, cookie: &Secret<String>) -> Result<Option<Session>, TenancyError> {
        let now = self.clock.now();
        let id = digest_of(cookie);
        let (began, seen) = (now.minus(LIFE), now.minus(IDLE));
        let Some(found) = self.db.catalogue_session(&id, began, seen).await? else {
            return Ok(None);
        };
        if found.seen_at.plus(NOTED) < now {
            self.db.catalogue_session_seen(&id, now).await?;
        }
        Ok(Some(Session {
            reader: Reader {
                tenant: found.tenant,
                catalog: found.catalog.unwrap_or_default(),
            },
            form_token: form_token_of(cookie),
            id,
        }))
    }

    /// Signs somebody out.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn sign_out(&self, session: &Session) -> Result<(), TenancyError> {
        Ok(self.db.catalogue_session_end(&session.id).await?)
    }

    /// Forgets who is signed in no more; answers how many.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn forget_sessions(&self) -> Result<u64, TenancyError> {
        let before = self.clock.now().minus(IDLE);
        Ok(self.db.catalogue_sessions_forget(before).await?)
    }

    /// Opens the tenant's feeds to who knows what is answered, and to nobody else any more.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn open_feeds(&self, session: &Session) -> Result<Secret<String>, TenancyError> {
        let secret = unguessable()?;
        let tenant = session.reader.tenant.id;
        self.db
            .catalogue_feed_put(tenant, &digest_of(&secret))
            .await?;
        Ok(secret)
    }

    /// Whose feeds this opens, if it opens any.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn feeds_of(&self, secret: &Secret<String>) -> Result<Option<Reader>, TenancyError> {
        let found = self.db.catalogue_feed(&digest_of(secret)).await?;
        Ok(found.map(|(tenant, catalog)| Reader {
            tenant,
            catalog: catalog.unwrap_or_default(),
        }))
    }
}
