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
        // What is being written hides beside its place; no client asks for it.
        let is_seen = |path: &&str| !path.contains("/.");
        let paths = self.of_kind("catalogs").filter(is_seen);
        for path in paths.map(str::to_owned).collect::<Vec<_>>() {
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const PACKAGE: &[u8] = b"an installer item";

    /// The pkginfo of a package, or what stands for it in a catalog.
    fn pkginfo(location: &str) -> String {
        let hash = Sha256::of(PACKAGE);
        let entries = [
            ("name", "Small"),
            ("version", "1.0"),
            ("installer_item_location", location),
            ("installer_item_hash", &hash.to_string()),
        ];
        entries
            .iter()
            .fold(String::new(), |mut text, (key, value)| {
                write!(text, "<key>{key}</key><string>{value}</string>").unwrap();
                text
            })
    }

    fn plist(body: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">{body}</plist>\n"
        )
    }

    /// A repository with one item, to be damaged.
    fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let item = format!("<dict>{}</dict>", pkginfo("Small-1.0.dmg"));
        let list = format!("<array>{item}</array>");
        for (path, contents) in [
            ("pkgs/Small-1.0.dmg", PACKAGE),
            ("pkgsinfo/Small-1.0.plist", plist(&item).as_bytes()),
            ("catalogs/all", plist(&list).as_bytes()),
            ("catalogs/testing", plist(&list).as_bytes()),
        ] {
            write(root.path(), path, contents);
        }
        root
    }

    fn write(root: &Path, path: &str, contents: &[u8]) {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, contents).unwrap();
    }

    #[test]
    fn a_whole_repository_is_seen_as_it_is() {
        let root = repository();
        let view = RepositoryView::of(root.path()).unwrap();
        assert_eq!(view.files.len(), 4);
        assert_eq!(view.catalogs.len(), 2);
        assert_eq!(view.published().len(), 1);
        let nothing = RepositoryView::of(&root.path().join("nowhere")).unwrap();
        assert_eq!(nothing, RepositoryView::default());
    }

    #[test]
    fn whatever_is_not_whole_is_noticed() {
        let item = format!("<dict>{}</dict>", pkginfo("Small-1.0.dmg"));
        let twice = plist(&format!("<array>{item}{item}</array>"));
        let empty = plist("<array/>");
        let damages: [(&str, &[u8], &str); 6] = [
            ("pkgs/.auto-update-part", b"half", "unfinished"),
            (".auto-update/journal/x.json", b"{}", "journal"),
            ("pkgs/Other.dmg", b"nobody's", "belongs to no pkginfo"),
            ("pkgs/Small-1.0.dmg", b"other bytes", "another digest"),
            ("catalogs/all", twice.as_bytes(), "twice"),
            ("catalogs/all", empty.as_bytes(), "`all` has not"),
        ];
        for (path, contents, expected) in damages {
            let root = repository();
            write(root.path(), path, contents);
            let found = RepositoryView::of(root.path()).unwrap_err().to_string();
            assert!(found.contains(expected), "{path}: {found}");
        }
        let root = repository();
        fs_err::remove_file(root.path().join("pkgs/Small-1.0.dmg")).unwrap();
        for found in [
            RepositoryView::of(root.path()),
            RepositoryView::offered(root.path()),
        ] {
            assert!(found.unwrap_err().to_string().contains("which is not in"));
        }
    }
}
