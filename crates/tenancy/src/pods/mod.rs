//! Pods: each tenant's own view of the repository, behind a name that tells nothing and a credential.
//!
//! No HTTP here: what comes in is a path and what stood behind `Authorization`, what goes out is an [`Entry`].
//!
//! **Invariants:** without the credential of that very view nothing is told, not even whether there is such a view; a
//! tenant sees the catalog of its ring, of that the items it may have, and of packages and icons those that these items
//! name; nothing of another tenant's has an address in its view. Each request knows of every change that was committed
//! before it came (`admissions`), so a tenant that is suspended is out with the next one.

mod admissions;
mod inventory;
mod manifests;
pub(crate) mod path;
pub(crate) mod view;

use std::{io::Read, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::Clock;
use publication::{Backend, Kind, Look, RepositoryError};
use sha2::{Digest as _, Sha256, digest::Output};
use store::{Db, Tenant, TenantKey};
use subtle::{Choice, ConstantTimeEq as _};

pub use self::inventory::{Inventory, Piece};
pub use self::manifests::{ManifestError, manifest_names, put_manifest, remove_manifest};
use self::{
    admissions::{Admissions, Admitted},
    path::PodPath,
    view::Views,
};
use crate::{SecretKind, TenancyError, Vault, doorkeeper::Doorkeeper};

/// What becomes of a request.
#[derive(Debug)]
pub enum Entry {
    /// The credential does not open that view, or there is none.
    Locked,
    /// There is nothing of that name in the view.
    Nothing,
    /// There it is.
    Open(Exhibit),
}

/// Something in a view.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// How it looks from outside.
    pub look: Look,
    /// Of what kind it is.
    pub kind: Kind,
    /// What is in it.
    pub contents: Contents,
}

/// What is in something.
#[derive(Clone, Debug)]
pub enum Contents {
    /// This, which was made for the view.
    Made(Arc<[u8]>),
    /// What is in the repository there.
    Stored {
        /// Relative to the folder of its kind.
        location: String,
    },
}

/// Why a pod cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PodError {
    /// The repository fails.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Who may enter cannot be told.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// A catalog cannot be understood.
    #[error("the catalog `{catalog}` of the repository cannot be read")]
    Catalog {
        /// The catalog.
        catalog: String,
        /// What is wrong with it.
        source: proplist::ReadError,
    },
    /// A view cannot be written.
    #[error("what is made for a view cannot be written")]
    Write(#[from] proplist::WriteError),
    /// The work was lost.
    #[error("the work was lost in the middle")]
    Lost,
}

impl PodError {
    /// Whether it only says that nothing is there: neither is what could never be a location.
    pub(crate) const fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::Repository(
                RepositoryError::NotFound { .. }
                    | RepositoryError::Location { .. }
                    | RepositoryError::Escapes { .. },
            )
        )
    }
}

/// The pods of all tenants.
#[derive(Clone, Debug)]
pub struct Pods {
    doorkeeper: Doorkeeper,
    admissions: Arc<Admissions>,
    clock: Arc<dyn Clock>,
    repository: Arc<dyn Backend>,
    views: Arc<Views>,
}

impl Pods {
    /// Views of `repository` for the tenants in `db`, whose secrets `vault` opens.
    ///
    /// # Errors
    /// If the vault fails.
    pub fn new(
        db: Db,
        vault: Vault,
        clock: Arc<dyn Clock>,
        repository: Arc<dyn Backend>,
    ) -> Result<Self, TenancyError> {
        Ok(Self {
            doorkeeper: Doorkeeper::new(db, vault)?,
            admissions: Arc::default(),
            clock,
            repository,
            views: Arc::default(),
        })
    }

    /// What is at `path`, as it stood in the request: `/SLUG/catalogs/production`, not decoded.
    ///
    /// # Errors
    /// If the state, the vault or the repository fails.
    pub async fn enter(&self, path: &str, authorization: Option<&[u8]>) -> Result<Entry, PodError> {
        let inside = path.strip_prefix('/').unwrap_or_default();
        let (slug, rest) = inside.split_once('/').unwrap_or((inside, ""));
        let presented = presented(authorization);
        let Some(admitted) = self.admit(slug, &presented).await? else {
            return Ok(Entry::Locked);
        };
        let (Some(path), Some(catalog)) = (PodPath::parse(rest), admitted.catalog) else {
            return Ok(Entry::Nothing);
        };
        let found = self.find(admitted.tenant, catalog, path).await?;
        Ok(found.map_or(Entry::Nothing, Entry::Open))
    }

    /// As whom somebody is let into the view `slug` with the credential of the digest `presented`; nothing if it does
    /// not open it.
    async fn admit(
        &self,
        slug: &str,
        presented: &Output<Sha256>,
    ) -> Result<Option<Admitted>, TenancyError> {
        let now = self.clock.now();
        let who = admissions::who(slug, presented);
        let mark = self.admissions.mark(self.doorkeeper.db()).await;
        let admitted = mark
            .as_deref()
            .and_then(|mark| self.admissions.find(mark, &who, now));
        if admitted.is_some() {
            return Ok(admitted);
        }
        let (key, kind) = (TenantKey::Slug(slug), SecretKind::Credential);
        let known = self.doorkeeper.known(key, kind, now).await?;
        let mut opens = Choice::from(0);
        let mut until = None;
        for (secret, ends) in known.asked.iter().zip(&known.ends) {
            let opens_it = Sha256::digest(secret.expose()).ct_eq(presented);
            if bool::from(opens_it) {
                until = *ends;
            }
            opens |= opens_it;
        }
        let (true, Some(tenant)) = (bool::from(opens), known.tenant) else {
            return Ok(None);
        };
        let admitted = Admitted {
            tenant: Arc::new(tenant),
            catalog: known.catalog,
            until,
        };
        if let Some(mark) = mark {
            self.admissions.remember(&mark, who, admitted.clone());
        }
        Ok(Some(admitted))
    }

    async fn find(
        &self,
        tenant: Arc<Tenant>,
        catalog: String,
        path: PodPath,
    ) -> Result<Option<Exhibit>, PodError> {
        let (views, repository) = (Arc::clone(&self.views), Arc::clone(&self.repository));
        let found =
            tokio::task::spawn_blocking(move || views.find(&*repository, &tenant, &catalog, &path));
        match found.await.ok().ok_or(PodError::Lost)? {
            Err(error) if error.is_absence() => Ok(None),
            found => found,
        }
    }

    /// What is in something, as it looked when it was found, from its byte `from` on. Blocks.
    ///
    /// # Errors
    /// If it cannot be read, or is another one now.
    pub fn read(
        &self,
        (kind, location): (Kind, &str),
        look: &Look,
        from: u64,
    ) -> Result<Box<dyn Read + Send>, RepositoryError> {
        self.repository.read_from(kind, location, look, from)
    }
}

/// The digest of the credential that was presented; of nothing if there is none.
fn presented(authorization: Option<&[u8]>) -> Output<Sha256> {
    let text = authorization.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let credential = text.and_then(|text| {
        let (scheme, credential) = text.split_once(' ')?;
        let credential = credential.trim();
        // What is kept is as our own encoder writes it; whoever sends it may only write it so.
        let is_basic = scheme.eq_ignore_ascii_case("basic") && STANDARD.decode(credential).is_ok();
        is_basic.then_some(credential)
    });
    Sha256::digest(credential.unwrap_or_default())
}

#[cfg(test)]
mod tests;
