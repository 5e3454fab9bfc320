//! A Munki repository, looked at as a client would.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use model::Sha256;
use proplist::{Dict, Value};

/// How the names of unfinished files begin.
const HIDDEN: &str = ".";
/// Where the publisher keeps its journal.
const STATE: &str = ".auto-update";

/// One item that clients are offered.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Item {
    /// `name`.
    pub name: String,
    /// `version`.
    pub version: String,
    /// `installer_item_location`.
    pub location: String,
}

/// What is in a repository that was found to be whole.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RepositoryView {
    /// Every file, by its path in the repository, with its digest; the publisher's own folder left out.
    pub files: BTreeMap<String, Sha256>,
    /// The items of each catalog.
    pub catalogs: BTreeMap<String, Vec<Item>>,
}

impl RepositoryView {
    /// Looks at everything that is in the repository at `root`.
    ///
    /// # Errors
    /// If a catalog or pkginfo names what is not there or is something else, an item is there twice, a package
    /// belongs to nothing, or anything unfinished is left.
    pub fn of(root: &Path) -> anyhow::Result<Self> {
        let mut view = Self::unchecked(root)?;
        view.check_nothing_is_unfinished(root)?;
        view.read_catalogs(root)?;
        view.check_items(root)?;
        view.check_pkginfos(root)?;
        Ok(view)
    }

    /// What is there, whole or not, without a look into it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn unchecked(root: &Path) -> anyhow::Result<Self> {
        let mut view = Self::default();
        if !root.is_dir() {
            return Ok(view);
        }
        for path in files_below(root)? {
            let name = relative(root, &path)?;
            if !name.starts_with(STATE) {
                let (sha256, _) = Sha256::of_reader(&mut fs_err::File::open(&path)?)?;
                view.files.insert(name, sha256);
            }
        }
        Ok(view)
    }

    /// What clients are offered at this moment, even in the middle of a publication: the catalogs, and what they name.
    ///
    /// # Errors
    /// If a catalog names what is not there, or an item twice.
    pub fn offered(root: &Path) -> anyhow::Result<Self> {
        let mut view = Self::unchecked(root)?;
        view.read_catalogs(root)?;
        view.check_items(root)?;
        Ok(view)
    }

    /// The items of the catalog `all`: what was published.
    pub fn published(&self) -> &[Item] {
        self.catalogs.get("all").map_or(&[], Vec::as_slice)
    }

    /// The paths of the files below the folder of one kind: `pkgs`, `pkgsinfo`.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let below = move |path: &&str| path.split('/').next() == Some(kind);
        self.files.keys().map(String::as_str).filter(below)
    }

    fn check_nothing_is_unfinished(&self, root: &Path) -> anyhow::Result<()> {
        for path in self.files.keys() {
            let name = path.rsplit('/').next().unwrap_or_default();
            ensure!(!name.starts_with(HIDDEN), "`{path}` was left unfinished");
        }
        let journal = root.join(STATE).join("journal");
        let left = if journal.is_dir() {
            files_below(&journal)?
        } else {
            Vec::new()
        };
        ensure!(left.is_empty(), "the journal was left behind: {left:?}");
        Ok(())
    }

    fn read_catalogs(&mut self, root: &Path) -> anyhow::Result<()> {
        let paths: Vec<String> = self.of_kind("catalogs").map(str::to_owned).collect();
        for path in paths {
            let name = path.trim_start_matches("catalogs/").to_owned();
            let value = read(&root.join(&path))?;
            let list = value
                .as_array()
                .with_context(|| format!("`{path}` is no list"))?;
            let items = list.iter().map(|item| item_of(item, &path));
            let items: Vec<Item> = items.collect::<anyhow::Result<_>>()?;
            let distinct: BTreeSet<_> = items.iter().map(|it| (&it.name, &it.version)).collect();
            ensure!(
                distinct.len() == items.len(),
                "`{path}` has an item twice: {items:?}"
            );
            self.catalogs.insert(name, items);
        }
        Ok(())
    }

    /// Each item of each catalog is in `all`, and its package is there.
    fn check_items(&self, root: &Path) -> anyhow::Result<()> {
        for (catalog, items) in &self.catalogs {
            for item in items {
                ensure!(
                    self.published().contains(item),
                    "`{catalog}` has {item:?}, `all` has not"
                );
                let path = format!("pkgs/{}", item.location);
                ensure!(
                    self.files.contains_key(&path),
                    "`{catalog}` names `{path}`, which is not in {}",
                    root.display()
                );
            }
        }
        Ok(())
    }

    /// Each pkginfo tells of its package as it is, and is in the catalog; each package has one pkginfo.
    fn check_pkginfos(&self, root: &Path) -> anyhow::Result<()> {
        let mut described = BTreeSet::new();
        for path in self.of_kind("pkgsinfo") {
            let value = read(&root.join(path))?;
            let item = item_of(&value, path)?;
            ensure!(
                self.published().contains(&item),
                "`{path}` is in no catalog"
            );
            let package = format!("pkgs/{}", item.location);
            let found = self
                .files
                .get(&package)
                .with_context(|| format!("`{path}` names `{package}`, which is not there"))?;
            let told = text(&value, "installer_item_hash", path)?;
            ensure!(
                told == found.to_string(),
                "`{path}` tells another digest of `{package}` than it has"
            );
            ensure!(
                described.insert(package.clone()),
                "`{package}` is described twice"
            );
        }
        for package in self.of_kind("pkgs") {
            ensure!(
                described.contains(package),
                "`{package}` belongs to no pkginfo"
            );
        }
        ensure!(
            self.published().len() == described.len(),
            "the catalog `all` has {} items, but there are {} pkginfos",
            self.published().len(),
            described.len()
        );
        Ok(())
    }
}

/// Every file below `folder`, in order.
fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn relative(root: &Path, path: &Path) -> anyhow::Result<String> {
    Ok(path.strip_prefix(root)?.to_string_lossy().into_owned())
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let bytes = fs_err::read(path)?;
    proplist::from_bytes(&bytes).with_context(|| format!("`{}` is damaged", path.display()))
}

fn item_of(value: &Value, path: &str) -> anyhow::Result<Item> {
    Ok(Item {
        name: text(value, "name", path)?,
        version: text(value, "version", path)?,
        location: text(value, "installer_item_location", path)?,
    })
}

fn text(value: &Value, key: &str, path: &str) -> anyhow::Result<String> {
    let found = value.as_dict().and_then(|dict: &Dict| dict.get(key));
    let text = found.and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("`{path}` has an item without `{key}`"))?
        .to_owned())
}
