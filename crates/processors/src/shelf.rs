//! Places for new items in the Munki repository.

use std::path::Path;

use model::{FailureClass, Sha256, chain};
use proplist::{Dict, Value};
use publication::{Kind, RepositoryError, Staging};

use crate::StepError;

/// The part of the repository that one import fills: what is there, and what is staged, is taken.
#[derive(Debug)]
pub(crate) struct Shelf<'a> {
    staging: &'a Staging,
    /// Without slashes at its ends; empty for the top.
    subdirectory: String,
}

impl<'a> Shelf<'a> {
    /// The folder `subdirectory` of each kind.
    pub(crate) fn new(staging: &'a Staging, subdirectory: Option<&str>) -> Self {
        let names = subdirectory.unwrap_or_default().split('/');
        let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
        Self {
            staging,
            subdirectory: names.join("/"),
        }
    }

    /// The pkginfos of everything that is in the repository or staged.
    pub(crate) fn items(&self) -> Result<Vec<Dict>, StepError> {
        let mut items = match self.staging.repository().get(Kind::Catalogs, "all") {
            Ok(catalog) => match proplist::from_bytes(&catalog) {
                Ok(Value::Array(items)) => items.into_iter().filter_map(into_dict).collect(),
                Ok(_) => return Err(damaged_catalog("it holds no array")),
                Err(error) => return Err(damaged_catalog(&error.to_string()).caused_by(error)),
            },
            Err(RepositoryError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        for location in self.staging.list(Kind::Pkgsinfo).map_err(failed)? {
            let Some(path) = self.staging.staged_path(Kind::Pkgsinfo, &location) else {
                continue;
            };
            let bytes = fs_err::read(&path).map_err(|error| unreadable(&path, error))?;
            let pkginfo = proplist::from_bytes(&bytes).ok().and_then(into_dict);
            items.extend(pkginfo);
        }
        Ok(items)
    }

    /// Stages the package at `source`, under its own name with the version in it; answers where it goes. One that
    /// lies there already stays.
    pub(crate) fn put_package(
        &self,
        source: &Path,
        version: &str,
        sha256: Sha256,
    ) -> Result<String, StepError> {
        let name = source
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let unchanged = self.location(&name)?;
        if self.is_at(Kind::Pkgs, &unchanged, source) {
            return Ok(unchanged);
        }
        let (stem, end) = split_name(&name);
        let stem = if stem.ends_with(version) {
            stem.to_owned()
        } else {
            format!("{stem}-{version}")
        };
        let location = self.free(Kind::Pkgs, &stem, end)?;
        self.staging
            .stage_hashed_file(Kind::Pkgs, &location, source, sha256)
            .map_err(failed)?;
        Ok(location)
    }

    /// Stages the pkginfo under name and version; answers where it goes.
    pub(crate) fn put_pkginfo(
        &self,
        pkginfo: &Dict,
        stem: &str,
        extension: &str,
    ) -> Result<String, StepError> {
        let end = match extension.trim_matches('.') {
            "" => String::new(),
            extension => format!(".{extension}"),
        };
        let location = self.free(Kind::Pkgsinfo, stem, &end)?;
        self.staging
            .stage_pkginfo(&location, pkginfo)
            .map_err(failed)?;
        Ok(location)
    }

    /// Stages the icon.
    pub(crate) fn put_icon(&self, location: &str, icon: &[u8]) -> Result<(), StepError> {
        self.staging
            .stage_bytes(Kind::Icons, location, icon)
            .map_err(failed)?;
        Ok(())
    }

    /// Whether something is there or staged.
    pub(crate) fn is_taken(&self, kind: Kind, location: &str) -> Result<bool, StepError> {
        let taken = self.staging.list(kind).map_err(failed)?;
        Ok(taken.iter().any(|other| other == location))
    }

    /// The file behind a location, for later steps: where it waits if it is staged, else where it is.
    pub(crate) fn path(&self, kind: Kind, location: &str) -> String {
        self.staging
            .staged_path(kind, location)
            .or_else(|| self.staging.repository().path_for(kind, location))
            .map_or_else(
                || format!("{kind}/{location}"),
                |path| path.to_string_lossy().into_owned(),
            )
    }

    /// Whether the file at `path` is the one at that location.
    fn is_at(&self, kind: Kind, location: &str, path: &Path) -> bool {
        let there = self.path(kind, location);
        match (fs_err::canonicalize(there), fs_err::canonicalize(path)) {
            (Ok(there), Ok(path)) => there == path,
            _ => false,
        }
    }

    /// The first of `STEM.END`, `STEM__1.END`, `STEM__2.END` that is free.
    fn free(&self, kind: Kind, stem: &str, end: &str) -> Result<String, StepError> {
        let taken = self.staging.list(kind).map_err(failed)?;
        let mut location = self.location(&format!("{stem}{end}"))?;
        let mut number = 0_u64;
        while taken.contains(&location) {
            number = number.saturating_add(1);
            location = self.location(&format!("{stem}__{number}{end}"))?;
        }
        Ok(location)
    }

    /// The location of a name on this shelf.
    fn location(&self, name: &str) -> Result<String, StepError> {
        if name.contains('/') {
            let text = format!("`{name}` cannot be the name of a file in the Munki repository");
            return Err(StepError::new(FailureClass::Import, text).with_next_step(
                "Have the recipe give the item a name and a version without slashes.",
            ));
        }
        Ok(if self.subdirectory.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.subdirectory)
        })
    }
}

/// A failure to read the repository or to put something into it.
fn failed(error: RepositoryError) -> StepError {
    StepError::new(FailureClass::Import, chain(&error)).caused_by(error)
}

fn damaged_catalog(why: &str) -> StepError {
    let text = format!("Error reading 'all' catalog from Munki repo: {why}");
    StepError::new(FailureClass::Import, text)
        .with_next_step("Make the catalogs again with `auto-update munki makecatalogs`.")
}

fn unreadable(path: &Path, error: std::io::Error) -> StepError {
    let text = format!(
        "cannot read the staged pkginfo `{}`: {error}",
        path.display()
    );
    StepError::new(FailureClass::Import, text).caused_by(error)
}

fn into_dict(value: Value) -> Option<Dict> {
    match value {
        Value::Dict(dict) => Some(dict),
        _ => None,
    }
}

/// The name up to its last full stop, and the rest.
fn split_name(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 => name.split_at_checked(at).unwrap_or((name, "")),
        _ => (name, ""),
    }
}
