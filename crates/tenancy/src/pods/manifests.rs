//! A tenant's own manifests.
//!
//! They lie in the corner of the repository that is the house's own, not in `manifests/`: what is there is named in update
//! metadata, which every tenant may read.

use model::Timestamp;
use proplist::{Dict, KeyOrder, Value, from_bytes, to_xml};
use publication::{Backend, Kind, Look, RepositoryError};
use store::Tenant;

use super::{Exhibit, PodError, view::made_of};

/// The manifest that Munki asks for when there is none of the Mac's own.
pub(super) const DEFAULT: &str = "site_default";

/// The longest manifest, in bytes.
const LARGEST: usize = 4 << 20;

/// Why a manifest cannot be had or put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It cannot be called so.
    #[error("`{given}` cannot be the name of a manifest")]
    Name {
        /// The name, control characters escaped.
        given: String,
    },
    /// It is no property list with a dictionary.
    #[error("the manifest is no property list that holds a dictionary")]
    Shape,
    /// It is too large.
    #[error("the manifest is larger than {LARGEST} bytes")]
    Large,
    /// The repository fails.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// Puts a manifest into the view of `tenant`, instead of one of that name. Blocks.
///
/// # Errors
/// If it is none, or cannot be called so, or the repository fails.
pub fn put_manifest(
    repository: &dyn Backend,
    tenant: &Tenant,
    name: &str,
    contents: &[u8],
) -> Result<(), ManifestError> {
    if contents.len() > LARGEST {
        return Err(ManifestError::Large);
    }
    if !matches!(from_bytes(contents), Ok(Value::Dict(_))) {
        return Err(ManifestError::Shape);
    }
    Ok(repository.put_own(&own(tenant, checked(name)?), contents)?)
}

/// Takes a manifest out of the view of `tenant`, if there is one of that name. Blocks.
///
/// # Errors
/// If it cannot be called so, or the repository fails.
pub fn remove_manifest(
    repository: &dyn Backend,
    tenant: &Tenant,
    name: &str,
) -> Result<(), ManifestError> {
    Ok(repository.remove_own(&own(tenant, checked(name)?))?)
}

/// The names of the manifests in the view of `tenant`, besides the one that is always there. Blocks.
///
/// # Errors
/// If the repository fails.
pub fn manifest_names(
    repository: &dyn Backend,
    tenant: &Tenant,
) -> Result<Vec<String>, ManifestError> {
    let folder = folder(tenant);
    let names = repository.own_names(&folder)?;
    let names = names.iter().filter_map(|name| {
        let name = name.strip_prefix(&folder).unwrap_or(name);
        checked(name.trim_start_matches('/')).ok()
    });
    Ok(names.map(str::to_owned).collect())
}

/// The manifest of that name. Where none is called [`DEFAULT`], one is made that lets a Mac take from the catalog what its
/// own list asks for.
pub(super) fn find(
    repository: &dyn Backend,
    tenant: &Tenant,
    catalog: &str,
    name: &str,
) -> Result<Option<Exhibit>, PodError> {
    let Ok(name) = checked(name) else {
        return Ok(None);
    };
    let made = match repository.own(&own(tenant, name))? {
        Some(contents) => contents,
        None if name == DEFAULT => default(catalog)?,
        None => return Ok(None),
    };
    let source = Look {
        len_bytes: 0,
        modified: Timestamp::default(),
        tag: String::new(),
    };
    Ok(Some(made_of(Kind::Manifests, &source, made)))
}

fn default(catalog: &str) -> Result<Vec<u8>, PodError> {
    let none = || Value::Array(Vec::new());
    let manifest: Dict = [
        ("catalogs", Value::Array(vec![Value::from(catalog)])),
        ("managed_installs", none()),
        ("managed_uninstalls", none()),
        ("optional_installs", none()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    Ok(to_xml(&Value::Dict(manifest), KeyOrder::Sorted)?.into_bytes())
}

/// One name without folders: nothing else can be told apart in the corner by all stores.
fn checked(name: &str) -> Result<&str, ManifestError> {
    let is_name = !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control);
    is_name.then_some(name).ok_or_else(|| ManifestError::Name {
        given: name.escape_debug().to_string(),
    })
}

fn folder(tenant: &Tenant) -> String {
    format!("tenants/{}/manifests", tenant.slug)
}

fn own(tenant: &Tenant, name: &str) -> String {
    format!("{}/{name}", folder(tenant))
}
