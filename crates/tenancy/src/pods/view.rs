//! What a tenant sees of the repository.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use model::Sha256;
use proplist::{Dict, KeyOrder, Value, from_bytes, to_xml};
use publication::{Backend, Kind, Look};
use store::Tenant;

use super::{Contents, Exhibit, PodError, manifests, path::PodPath};

/// How many views are remembered; with more, all are forgotten and made anew when they are needed.
const REMEMBERED: usize = 256;

/// The catalog of everything.
const ALL: &str = "all";

/// The list of icons' digests.
pub(crate) const ICON_HASHES: &str = "_icon_hashes.plist";

/// Views by what they are made of.
#[derive(Debug, Default)]
pub(crate) struct Views {
    known: Mutex<HashMap<Basis, Arc<View>>>,
}

/// What a view is made of.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Basis {
    catalog: String,
    entitled: Option<Vec<String>>,
}

/// What tenants of one ring and the same items see.
#[derive(Debug)]
struct View {
    /// How the catalog of the ring looked when this was made of it.
    source: Look,
    /// The catalog as it is seen; as it is in the repository, if nothing was taken out.
    catalog: Option<(Look, Arc<[u8]>)>,
    /// Packages and disk images that the items name.
    pkgs: HashSet<String>,
    icons: HashSet<String>,
}

impl Views {
    /// What is at `path` for `tenant`, which reads `catalog`.
    pub(crate) fn find(
        &self,
        repository: &dyn Backend,
        tenant: &Tenant,
        catalog: &str,
        path: &PodPath,
    ) -> Result<Option<Exhibit>, PodError> {
        let PodPath { kind, location } = path;
        if *kind == Kind::Manifests {
            return manifests::find(repository, tenant, catalog, location);
        }
        let is_whole = tenant.entitled.is_none();
        // All that the tenant may have is what its ring has.
        let location = match kind {
            Kind::Catalogs if location == ALL => catalog,
            _ => location,
        };
        let shown = match kind {
            Kind::Catalogs if location == catalog => {
                let Some(view) = self.of(repository, tenant, catalog)? else {
                    return Ok(None);
                };
                if let Some((look, made)) = &view.catalog {
                    return Ok(Some(made_for(*kind, look.clone(), Arc::clone(made))));
                }
                true
            }
            Kind::Pkgs => self
                .of(repository, tenant, catalog)?
                .is_some_and(|view| view.pkgs.contains(location)),
            Kind::Icons if location == ICON_HASHES && !is_whole => {
                return self.icon_hashes(repository, tenant, catalog);
            }
            Kind::Icons => {
                location == ICON_HASHES
                    || self
                        .of(repository, tenant, catalog)?
                        .is_some_and(|view| view.icons.contains(location))
            }
            Kind::Evidence => self.shows_evidence(repository, tenant, catalog, location)?,
            // It names every catalog as it is in the repository, and would prove a part of one wrong.
            Kind::Tuf => is_whole,
            // Folders are somebody's own.
            Kind::ClientResources => !location.contains('/'),
            Kind::Catalogs | Kind::Manifests | Kind::Pkgsinfo => false,
        };
        if !shown {
            return Ok(None);
        }
        let look = repository.look(*kind, location)?;
        Ok(look.map(|look| Exhibit {
            look,
            kind: *kind,
            contents: Contents::Stored {
                location: location.to_owned(),
            },
        }))
    }

    /// All that `tenant` sees, which reads `catalog`, but its manifests. What could be there is asked for one by one, as
    /// its Macs would.
    pub(super) fn all(
        &self,
        repository: &dyn Backend,
        tenant: &Tenant,
        catalog: &str,
    ) -> Result<Vec<(PodPath, Exhibit)>, PodError> {
        let Some(view) = self.of(repository, tenant, catalog)? else {
            return Ok(Vec::new());
        };
        let mut asked: Vec<(Kind, String)> = [
            (Kind::Catalogs, catalog),
            (Kind::Catalogs, ALL),
            (Kind::Icons, ICON_HASHES),
        ]
        .map(|(kind, location)| (kind, location.to_owned()))
        .into();
        let named = |kind, all: &HashSet<String>| -> Vec<(Kind, String)> {
            all.iter()
                .map(|location| (kind, location.clone()))
                .collect()
        };
        asked.extend(named(Kind::Icons, &view.icons));
        asked.extend(named(Kind::Pkgs, &view.pkgs));
        for kind in [Kind::ClientResources, Kind::Evidence, Kind::Tuf] {
            asked.extend(
                listed(repository, kind)?
                    .into_iter()
                    .map(|name| (kind, name)),
            );
        }
        let mut seen = Vec::new();
        for (kind, location) in asked {
            // What no request can ask for.
            let Some(path) = PodPath::of(kind, &location) else {
                continue;
            };
            match self.find(repository, tenant, catalog, &path) {
                Ok(Some(exhibit)) => seen.push((path, exhibit)),
                Ok(None) => {}
                Err(error) if error.is_absence() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }

    /// The evidence of what is seen; the log of publications tells of everything.
    fn shows_evidence(
        &self,
        repository: &dyn Backend,
        tenant: &Tenant,
        catalog: &str,
        location: &str,
    ) -> Result<bool, PodError> {
        if evidence::is_log(location) {
            return Ok(tenant.entitled.is_none());
        }
        let Some(items) = evidence::item_of(location) else {
            return Ok(false);
        };
        let view = self.of(repository, tenant, catalog)?;
        Ok(view.is_some_and(|view| items.iter().any(|item| view.pkgs.contains(*item))))
    }

    fn icon_hashes(
        &self,
        repository: &dyn Backend,
        tenant: &Tenant,
        catalog: &str,
    ) -> Result<Option<Exhibit>, PodError> {
        let (Some(view), Some(look)) = (
            self.of(repository, tenant, catalog)?,
            repository.look(Kind::Icons, ICON_HASHES)?,
        ) else {
            return Ok(None);
        };
        let bytes = repository.get(Kind::Icons, ICON_HASHES)?;
        let Ok(Value::Dict(hashes)) = from_bytes(&bytes) else {
            // Munki does without.
            return Ok(None);
        };
        let seen: Dict = hashes
            .into_iter()
            .filter(|(icon, _)| view.icons.contains(icon))
            .collect();
        let made = to_xml(&Value::Dict(seen), KeyOrder::Sorted)?.into_bytes();
        Ok(Some(made_of(Kind::Icons, &look, made)))
    }

    /// The view of `tenant`; nothing as long as its catalog is not there.
    fn of(
        &self,
        repository: &dyn Backend,
        tenant: &Tenant,
        catalog: &str,
    ) -> Result<Option<Arc<View>>, PodError> {
        let Some(source) = repository.look(Kind::Catalogs, catalog)? else {
            return Ok(None);
        };
        let basis = Basis {
            catalog: catalog.to_owned(),
            entitled: tenant.entitled.clone(),
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&basis).filter(|view| view.source == source);
        if let Some(view) = found {
            return Ok(Some(Arc::clone(view)));
        }
        drop(known);
        let view = Arc::new(View::make(repository, &basis, source)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(basis, Arc::clone(&view));
        Ok(Some(view))
    }
}

/// What is there of a kind; nothing if a link of somebody's leads out of the repository there.
fn listed(repository: &dyn Backend, kind: Kind) -> Result<Vec<String>, PodError> {
    match repository.list(kind).map_err(PodError::from) {
        Err(error) if error.is_absence() => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, %kind, "nothing of this kind is shown");
            Ok(Vec::new())
        }
        listed => listed,
    }
}

impl View {
    fn make(repository: &dyn Backend, basis: &Basis, source: Look) -> Result<Self, PodError> {
        let bytes = repository.get(Kind::Catalogs, &basis.catalog)?;
        let unreadable = |source| PodError::Catalog {
            catalog: basis.catalog.clone(),
            source,
        };
        let items = match from_bytes(&bytes).map_err(unreadable)? {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        let seen: Vec<Value> = items.into_iter().filter(|item| basis.has(item)).collect();
        let (mut pkgs, mut icons) = (HashSet::new(), HashSet::new());
        for item in &seen {
            if let Value::Dict(item) = item {
                let named = ["installer_item_location", "uninstaller_item_location"]
                    .into_iter()
                    .filter_map(|key| item.get(key).and_then(Value::as_str));
                pkgs.extend(named.map(str::to_owned));
                icons.extend(icon_of(item));
            }
        }
        let catalog = if basis.entitled.is_none() {
            None
        } else {
            let made = to_xml(&Value::Array(seen), KeyOrder::Sorted)?.into_bytes();
            Some((source.of_made(Sha256::of(&made), &made), made.into()))
        };
        Ok(Self {
            source,
            catalog,
            pkgs,
            icons,
        })
    }
}

impl Basis {
    /// Whether an item of the catalog is seen.
    fn has(&self, item: &Value) -> bool {
        let Value::Dict(item) = item else {
            return false;
        };
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
        let entitled = self.entitled.as_ref();
        entitled.is_none_or(|names| names.iter().any(|known| known == name))
    }
}

/// The icon of an item, as Munki asks for it.
pub(crate) fn icon_of(item: &Dict) -> Option<String> {
    let text = |key: &str| {
        let text = item.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let name = text("icon_name").or_else(|| text("name"))?;
    let file = name.rsplit('/').next().unwrap_or(name);
    let has_extension = file.trim_start_matches('.').contains('.');
    Some(if has_extension {
        name.to_owned()
    } else {
        format!("{name}.png")
    })
}

/// Something that was made of what is in the repository.
pub(super) fn made_of(kind: Kind, source: &Look, made: Vec<u8>) -> Exhibit {
    made_for(kind, source.of_made(Sha256::of(&made), &made), made.into())
}

fn made_for(kind: Kind, look: Look, made: Arc<[u8]>) -> Exhibit {
    Exhibit {
        look,
        kind,
        contents: Contents::Made(made),
    }
}
