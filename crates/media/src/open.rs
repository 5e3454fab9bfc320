//! Opens containers, and paths that go into them.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use wire::{Budget, FileSource, ParseError, ReadAt, SourceReader};

use crate::{
    HostTree, MediaError, Tree, aar,
    archive::spool,
    codec::Codec,
    cpio,
    detect::{Format, detect},
    disk, follow,
    package::FlatPackage,
    path,
    single::SingleFile,
    subtree::Subtree,
    tar, udif,
    zip::ZipTree,
};

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Location {
    /// The innermost tree on the way.
    pub tree: Arc<dyn Tree>,
    /// The path inside it.
    pub inner: String,
}

/// Opens the container or the folder that `path` names; it may itself lie in containers.
///
/// # Errors
/// [`MediaError::Unknown`] if it is no container, [`MediaError::NotFound`] if there is nothing there, or damage.
pub fn open(path: &Path) -> Result<Arc<dyn Tree>, MediaError> {
    let Location { tree, inner } = locate(path)?;
    let inner = follow(&*tree, &inner)?;
    if tree.entry(&inner)?.is_file() {
        return open_file(&*tree, &inner, &budget());
    }
    if inner.is_empty() {
        return Ok(tree);
    }
    Ok(Arc::new(Subtree::new(tree, inner)))
}

/// Where the contents of `path` are: the root of the container or of the host's folder that it names; the folder
/// inside a container; or, if it is an ordinary file in one, the file itself.
///
/// # Errors
/// As [`open`], but an ordinary file in a container is none.
pub fn look_into(path: &Path) -> Result<Location, MediaError> {
    if path.is_dir() {
        return Ok(Location {
            tree: Arc::new(HostTree::new(path)?),
            inner: String::new(),
        });
    }
    let mut location = locate(path)?;
    location.inner = follow(&*location.tree, &location.inner)?;
    if !location.tree.entry(&location.inner)?.is_file() {
        return Ok(location);
    }
    match open_file(&*location.tree, &location.inner, &budget()) {
        Ok(tree) => Ok(Location {
            tree,
            inner: String::new(),
        }),
        Err(MediaError::Unknown { .. }) if !path.is_file() => Ok(location),
        Err(error) => Err(error),
    }
}

/// Where `path` leads: a path of the host that may go into a container as if it were a folder, and on into one
/// inside that. The last name is not opened, and not followed if it is a link.
///
/// A container is any file on the way whose contents are of a known kind. Links on the way are followed, inside a
/// medium only as far as they stay in it.
///
/// # Errors
/// [`MediaError::NotFound`] if a name on the way is not there, [`MediaError::Unknown`] if it is a file that is no
/// container, or damage. The last name need not exist.
pub fn locate(path: &Path) -> Result<Location, MediaError> {
    let mut host = PathBuf::new();
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        host.push(component);
        if components.peek().is_none() {
            break;
        }
        let metadata = fs_err::metadata(&host).map_err(MediaError::host(&host))?;
        if metadata.is_file() {
            let names = names(components)?;
            return inside(&host, &names);
        }
    }
    on_host(&host)
}

/// Opens the container that `source` holds; `budget` bounds what is unpacked, listed and nested.
///
/// # Errors
/// [`MediaError::Unknown`] if it is no container, [`MediaError::Encrypted`], or damage.
pub fn open_source(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<Arc<dyn Tree>, MediaError> {
    open_named(source, "the file", budget)
}

/// The bytes of the disk whose image `path` names; it may lie in containers. An image without compression is the
/// disk itself.
///
/// # Errors
/// [`MediaError::Unknown`] if it is no disk image, [`MediaError::Encrypted`], or damage.
pub fn image(path: &Path) -> Result<Arc<dyn ReadAt>, MediaError> {
    let Location { tree, inner } = locate(path)?;
    let inner = follow(&*tree, &inner)?;
    let source = tree.source(&inner)?;
    match detect(&*source).map_err(MediaError::content(&inner))? {
        Some(Format::Udif) => Ok(Arc::new(udif::Image::open(source)?)),
        None if disk::is_disk(&source)? => Ok(source),
        Some(Format::EncryptedImage) => Err(encrypted(&inner)),
        Some(Format::SparseImage) => Err(unsupported(&inner, "a sparse disk image")),
        _ => Err(MediaError::Unknown {
            what: format!("`{inner}`"),
        }),
    }
}

fn budget() -> Budget {
    Budget::for_medium("medium")
}

/// A place on the host, seen from the folder that it is in.
fn on_host(path: &Path) -> Result<Location, MediaError> {
    let (folder, name) = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => (folder, name.to_string_lossy().into_owned()),
        _ => (path, String::new()),
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    Ok(Location {
        tree: Arc::new(HostTree::new(folder)?),
        inner: name,
    })
}

/// The names of a path inside a medium.
fn names<'a>(components: impl Iterator<Item = Component<'a>>) -> Result<Vec<String>, MediaError> {
    let mut names = Vec::new();
    for component in components {
        let name = component.as_os_str().to_string_lossy();
        match component {
            Component::CurDir => {}
            Component::Normal(_) => names.push(name.into_owned()),
            _ => {
                let path = name.into_owned();
                return Err(MediaError::NotFound { path });
            }
        }
    }
    Ok(names)
}

/// A place inside the container at `host`.
fn inside(host: &Path, names: &[String]) -> Result<Location, MediaError> {
    let source = FileSource::open(host).map_err(MediaError::host(host))?;
    let mut budget = budget();
    let mut location = Location {
        tree: open_named(Arc::new(source), &host.to_string_lossy(), &budget)?,
        inner: String::new(),
    };
    let Some((last, on_the_way)) = names.split_last() else {
        return Ok(location);
    };
    for name in on_the_way {
        let here = follow(&*location.tree, &path::join(&location.inner, name))?;
        location.inner = here;
        if location.tree.entry(&location.inner)?.is_file() {
            budget = budget.descend()?;
            location.tree = open_file(&*location.tree, &location.inner, &budget)?;
            location.inner = String::new();
        }
    }
    location.inner = path::join(&location.inner, last);
    Ok(location)
}

/// Opens the container that is the file at `path` of `tree`.
pub(crate) fn open_file(
    tree: &dyn Tree,
    path: &str,
    budget: &Budget,
) -> Result<Arc<dyn Tree>, MediaError> {
    open_named(tree.source(path)?, path, budget)
}

fn open_named(
    source: Arc<dyn ReadAt>,
    name: &str,
    budget: &Budget,
) -> Result<Arc<dyn Tree>, MediaError> {
    match detect(&*source).map_err(MediaError::content(name))? {
        Some(Format::Compressed(codec)) => compressed(&source, codec, name, budget),
        Some(Format::Zip) => Ok(Arc::new(ZipTree::open(source, budget)?)),
        Some(Format::EncryptedImage) => Err(encrypted(name)),
        Some(Format::AppleArchive) => Ok(Arc::new(aar::open(source, budget)?)),
        Some(Format::EncryptedArchive) => Err(MediaError::Encrypted {
            what: format!("the Apple archive `{name}`"),
        }),
        Some(Format::OtherWrapper) => Err(unsupported(name, "an Apple archive in LZ4 or LZBITMAP")),
        Some(Format::SparseImage) => Err(unsupported(name, "a sparse disk image")),
        Some(Format::Xar) => Ok(Arc::new(FlatPackage::open(source, budget)?)),
        Some(Format::Cpio) => Ok(Arc::new(cpio::open(source, budget)?)),
        Some(Format::Tar) => Ok(Arc::new(tar::open(source, budget)?)),
        Some(Format::Udif) => {
            let disk: Arc<dyn ReadAt> = Arc::new(udif::Image::open(source)?);
            disk::open(&disk, name)
        }
        None => disk::open(&source, name),
    }
}

/// What a compressed stream holds. It is looked through to an archive or a disk, which need a compression around
/// them; anything else is one file that happens to be compressed.
fn compressed(
    source: &Arc<dyn ReadAt>,
    codec: Codec,
    name: &str,
    budget: &Budget,
) -> Result<Arc<dyn Tree>, MediaError> {
    let mut inner = budget.descend()?;
    let stored = SourceReader::new(Arc::clone(source));
    let contents = spool(name, codec.reader(Box::new(stored)), &mut inner)?;
    let transparent = match detect(&*contents).map_err(MediaError::content(name))? {
        Some(Format::AppleArchive | Format::Cpio | Format::Tar) | None => true,
        Some(_) => false,
    };
    if transparent {
        match open_named(Arc::clone(&contents), name, &inner) {
            Err(MediaError::Unknown { .. }) => {}
            opened => return opened,
        }
    }
    Ok(Arc::new(SingleFile::new(inner_name(name), contents)))
}

/// The name of what is compressed in a file of that name: without the last extension.
fn inner_name(name: &str) -> String {
    let (_, name) = path::split(name);
    match name.rsplit_once('.') {
        Some((stem, "tgz" | "tbz" | "txz")) if !stem.is_empty() => format!("{stem}.tar"),
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => format!("{name}.contents"),
    }
}

fn encrypted(name: &str) -> MediaError {
    MediaError::Encrypted {
        what: format!("the disk image `{name}`"),
    }
}

fn unsupported(name: &str, what: &str) -> MediaError {
    MediaError::Parse(ParseError::Unsupported {
        structure: "medium",
        what: format!("`{name}`, {what},"),
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use tempfile::TempDir;

    use super::*;
    use crate::samples::{self, Sample};

    /// A zip archive with a package, whose payload has an application; and links.
    fn nested() -> TempDir {
        let payload = samples::cpio(&[
            ("./Applications/App.app/run", Sample::File(0o755, b"run")),
            ("./Applications/Current", Sample::Link("App.app")),
        ]);
        let package = samples::xar(&[("PackageInfo", b"<x/>"), ("Payload", &payload)], |toc| {
            toc
        });
        let zip = samples::zip(&[
            ("in/app.pkg", Sample::File(0o644, &package)),
            ("latest.pkg", Sample::Link("in/app.pkg")),
            ("out", Sample::Link("/etc")),
            ("read.me", Sample::File(0o644, b"hello")),
        ]);
        let house = TempDir::new().unwrap();
        fs_err::write(house.path().join("suite.zip"), zip).unwrap();
        house
    }

    #[test]
    fn a_path_goes_into_containers() {
        let house = nested();
        let at = |path: &str| house.path().join(path);
        let run = "suite.zip/in/app.pkg/Payload/Applications/App.app/run";
        let location = locate(&at(run)).unwrap();
        assert_eq!(location.inner, "Applications/App.app/run");
        assert_eq!(location.tree.entry(&location.inner).unwrap().mode, 0o755);
        let run = "suite.zip/./latest.pkg/Payload/Applications/Current/run";
        assert_eq!(locate(&at(run)).unwrap().inner, "Applications/App.app/run");
        let location = locate(&at("suite.zip/latest.pkg")).unwrap();
        assert_eq!(location.inner, "latest.pkg");
        let location = locate(&at("suite.zip")).unwrap();
        assert_eq!(location.inner, "suite.zip");
        assert!(locate(&at("not/there")).is_err());
        assert!(locate(&at("suite.zip/read.me/x")).is_err());
        let error = locate(&at("suite.zip/out/passwd")).unwrap_err();
        assert!(matches!(error, MediaError::LeadsOut { .. }), "{error}");
    }

    #[test]
    fn what_a_path_names_is_opened() {
        let house = nested();
        let at = |path: &str| house.path().join(path);
        let names = |tree: &dyn Tree| -> Vec<String> {
            let children = tree.children("").unwrap();
            children.into_iter().map(|entry| entry.path).collect()
        };
        assert_eq!(names(&*open(house.path()).unwrap()), ["suite.zip"]);
        let expected = ["in", "latest.pkg", "out", "read.me"];
        assert_eq!(names(&*open(&at("suite.zip")).unwrap()), expected);
        let package = open(&at("suite.zip/latest.pkg")).unwrap();
        assert_eq!(names(&*package), ["PackageInfo", "Payload"]);
        let folder = open(&at("suite.zip/latest.pkg/Payload/Applications")).unwrap();
        assert_eq!(names(&*folder), ["App.app", "Current"]);
        assert_eq!(names(&*open(&at("suite.zip/in")).unwrap()), ["app.pkg"]);
        let error = open(&at("suite.zip/read.me")).unwrap_err();
        assert!(matches!(error, MediaError::Unknown { .. }), "{error}");
    }

    #[test]
    fn an_ordinary_file_is_looked_into_only_inside_a_container() {
        let house = nested();
        let location = look_into(&house.path().join("suite.zip/read.me")).unwrap();
        assert_eq!(location.inner, "read.me");
        let location = look_into(&house.path().join("suite.zip/in")).unwrap();
        assert_eq!(location.inner, "in");
        assert_eq!(look_into(house.path()).unwrap().inner, "");
        fs_err::write(house.path().join("plain"), "text").unwrap();
        assert!(look_into(&house.path().join("plain")).is_err());
        assert!(image(&house.path().join("plain")).is_err());
    }

    #[test]
    fn a_package_lists_what_its_payload_holds() {
        let house = nested();
        let tree = open(&house.path().join("suite.zip/latest.pkg")).unwrap();
        let found = crate::walk(&*tree, "").unwrap();
        let paths: Vec<_> = found.iter().map(|entry| entry.path.as_str()).collect();
        let expected = [
            "PackageInfo",
            "Payload",
            "Payload/Applications",
            "Payload/Applications/App.app",
            "Payload/Applications/App.app/run",
            "Payload/Applications/Current",
        ];
        assert_eq!(paths, expected);
        assert!(tree.entry("Payload").unwrap().is_file());
        let mut text = String::new();
        let mut run = tree.open("Payload/Applications/App.app/run").unwrap();
        io::Read::read_to_string(&mut run, &mut text).unwrap();
        assert_eq!(text, "run");
    }

    #[test]
    fn a_compressed_file_is_a_tree_of_one() {
        for (name, inner) in [
            ("notes.txt.gz", "notes.txt"),
            ("notes.tgz", "notes.tar"),
            ("folder/.gz", ".gz.contents"),
            ("plain", "plain.contents"),
        ] {
            assert_eq!(inner_name(name), inner);
        }
    }

    #[test]
    fn containers_in_containers_come_to_an_end() {
        let mut bytes = samples::zip(&[("x", Sample::File(0o644, b"x"))]);
        for _ in 0..70 {
            bytes = samples::zip(&[("x", Sample::File(0o644, &bytes))]);
        }
        let house = TempDir::new().unwrap();
        fs_err::write(house.path().join("bomb.zip"), bytes).unwrap();
        let path = house.path().join("bomb.zip").join("x/".repeat(71));
        let error = locate(&path).unwrap_err();
        assert!(error.to_string().contains("64 levels"), "{error}");
    }
}
