//! Everything that is in a view, for a server that has to have it as files.

use std::collections::BTreeSet;

use model::Sha256;
use publication::{Backend, Kind, Look};
use serde_json::json;
use store::Tenant;

use super::{Contents, Exhibit, PodError, manifests, view::Views};

/// Something in a view, and where.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Where in the view: `pkgs/apps/Widget-1.0.pkg`.
    pub path: String,
    /// What it is.
    pub exhibit: Exhibit,
}

/// Lists views.
#[derive(Debug, Default)]
pub struct Inventory {
    views: Views,
}

impl Inventory {
    /// The name of what tenants of this ring and these items see: one and the same for all of them.
    pub fn name(tenant: &Tenant, catalog: &str) -> String {
        let basis = json!([catalog, tenant.entitled]).to_string();
        let mut name = Sha256::of(basis.as_bytes()).to_string();
        name.truncate(32);
        name
    }

    /// All that `tenant` sees, which reads `catalog`, but its manifests. Blocks.
    ///
    /// # Errors
    /// If the repository fails, or its catalog cannot be understood.
    pub fn view(
        &self,
        repository: &dyn Backend,
        tenant: &Tenant,
        catalog: &str,
    ) -> Result<Vec<Piece>, PodError> {
        let seen = self.views.all(repository, tenant, catalog)?;
        let piece = |(path, exhibit): (super::PodPath, Exhibit)| Piece {
            path: format!("{}/{}", path.kind, path.location),
            exhibit,
        };
        Ok(seen.into_iter().map(piece).collect())
    }

    /// The manifests of `tenant`, by name. Blocks.
    ///
    /// # Errors
    /// If the repository fails.
    pub fn manifests(
        &self,
        repository: &dyn Backend,
        tenant: &Tenant,
        catalog: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, PodError> {
        let names = manifests::manifest_names(repository, tenant);
        let names = names.map_err(|error| match error {
            manifests::ManifestError::Repository(error) => PodError::Repository(error),
            _ => PodError::Lost,
        })?;
        let mut all: BTreeSet<String> = names.into_iter().collect();
        all.insert(manifests::DEFAULT.to_owned());
        let mut found = Vec::new();
        for name in all {
            let exhibit = manifests::find(repository, tenant, catalog, &name)?;
            if let Some(Contents::Made(made)) = exhibit.map(|exhibit| exhibit.contents) {
                found.push((name, made.to_vec()));
            }
        }
        Ok(found)
    }

    /// How that of the repository looks which views are made of: as long as this is the same, so are they. Blocks.
    ///
    /// # Errors
    /// If the repository cannot be looked at.
    pub fn mark<'a>(
        &self,
        repository: &dyn Backend,
        catalogs: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<Option<Look>>, PodError> {
        let last = [
            (Kind::Evidence, "publications.checkpoint.json"),
            (Kind::Icons, super::view::ICON_HASHES),
            (Kind::Tuf, "timestamp.json"),
        ];
        let catalogs = catalogs.map(|catalog| (Kind::Catalogs, catalog));
        let mut looks = Vec::new();
        for (kind, location) in catalogs.chain(last) {
            looks.push(repository.look(kind, location)?);
        }
        Ok(looks)
    }
}
