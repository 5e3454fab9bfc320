//! Opens containers, and paths that go into them.

use std::{
    io::Read as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use wire::{Budget, ParseError, ReadAt, SourceReader, fill_with};

use crate::{
    HostTree, MediaError, OpenOptions, Tree, aar,
    archive::spool,
    codec::{Codec, ReadAhead},
    cpio,
    detect::{Format, detect},
    disk, follow,
    host::followed,
    image::{EncryptedImage, SparseBundle, sparse},
    package::FlatPackage,
    path,
    sevenz::SevenZip,
    single::{SingleFile, inner_name},
    streamed::{Stored, StreamedArchive},
    subtree::Subtree,
    tar, udif,
    zip::ZipTree,
};

/// How archives are compressed that are read from front to back.
const STREAMED: Codec = Codec::Gzip;

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
    open_with(path, &OpenOptions::default())
}

/// As [`open`], with what is needed besides the file.
///
/// # Errors
/// As [`open`], and [`MediaError::WrongPassword`].
pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Arc<dyn Tree>, MediaError> {
    let Location { tree, inner } = locate_with(path, options)?;
    let inner = follow(&*tree, &inner)?;
    if let Some(contents) = contents(&tree, &inner, &budget(), options)? {
        return Ok(contents);
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
    look_into_with(path, &OpenOptions::default())
}

/// As [`look_into`], with what is needed besides the file.
///
/// # Errors
/// As [`look_into`], and [`MediaError::WrongPassword`].
pub fn look_into_with(path: &Path, options: &OpenOptions) -> Result<Location, MediaError> {
    let at_root = |tree| Location {
        tree,
        inner: String::new(),
    };
    if path.is_dir() {
        let folder: Arc<dyn Tree> = Arc::new(HostTree::new(path)?);
        let disk = contents(&folder, "", &budget(), options)?;
        return Ok(at_root(disk.unwrap_or(folder)));
    }
    let mut location = locate_with(path, options)?;
    location.inner = follow(&*location.tree, &location.inner)?;
    match contents(&location.tree, &location.inner, &budget(), options) {
        Ok(Some(tree)) => Ok(at_root(tree)),
        Ok(None) => Ok(location),
        Err(MediaError::Unknown { .. }) if !path.is_file() => Ok(location),
        Err(error) => Err(error),
    }
}

/// Where `path` leads: a path of the host that may go into a container as if it were a folder, and on into one
/// inside that. The last name is not opened; a link there is followed on the host, where it may lead anywhere, and not
/// inside a medium.
///
/// A container is any file on the way whose contents are of a known kind, and a folder that is a sparse bundle, unless
/// the next name is in the folder itself: what is verified by a path must be what others find there without us.
/// Links on the way are followed, inside a medium only as far as they stay in it.
///
/// # Errors
/// [`MediaError::Host`] or, inside a medium, [`MediaError::NotFound`] if a name on the way is not there,
/// [`MediaError::Unknown`] if it is a file that is no container, or damage. The last name need not exist inside a
/// medium; on the host it must, as a file or a folder.
pub fn locate(path: &Path) -> Result<Location, MediaError> {
    locate_with(path, &OpenOptions::default())
}

/// As [`locate`], with what is needed besides the file.
///
/// # Errors
/// As [`locate`], and [`MediaError::WrongPassword`].
pub fn locate_with(path: &Path, options: &OpenOptions) -> Result<Location, MediaError> {
    let mut host = PathBuf::new();
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        host.push(component);
        let Some(next) = components.peek() else {
            break;
        };
        let metadata = fs_err::metadata(&host).map_err(MediaError::host(&host))?;
        let is_there = || fs_err::symlink_metadata(host.join(next)).is_ok();
        if metadata.is_dir() && (!host.join("bands").is_dir() || is_there()) {
            continue;
        }
        let real = fs_err::canonicalize(&host).map_err(MediaError::host(&host))?;
        let Location { tree, inner } = on_host(&real)?;
        if let Some(container) = contents(&tree, &inner, &budget(), options)? {
            return inside(container, &names(components)?, options);
        }
    }
    on_host(&followed(&host)?)
}

/// Opens the container at `path` in `tree`; nothing outside of `tree` is looked at.
///
/// # Errors
/// As [`open`].
pub fn open_in(tree: &Arc<dyn Tree>, path: &str) -> Result<Arc<dyn Tree>, MediaError> {
    let opened = contents(tree, path, &budget(), &OpenOptions::default())?;
    opened.ok_or_else(|| MediaError::WrongKind {
        path: path.to_owned(),
        expected: "file",
    })
}

/// Opens the container that `source` holds; `budget` bounds what is unpacked, listed and nested.
///
/// # Errors
/// [`MediaError::Unknown`] if it is no container, [`MediaError::Encrypted`], or damage.
pub fn open_source(source: Arc<dyn ReadAt>, budget: &Budget) -> Result<Arc<dyn Tree>, MediaError> {
    open_source_named("the file", source, budget)
}

/// As [`open_source`]; errors call the container `name`, by whose end a file in it that is compressed is named.
///
/// # Errors
/// As [`open_source`].
pub fn open_source_named(
    name: &str,
    source: Arc<dyn ReadAt>,
    budget: &Budget,
) -> Result<Arc<dyn Tree>, MediaError> {
    let opening = Opening {
        name,
        budget,
        options: &OpenOptions::default(),
        beside: &alone,
    };
    open_named(source, &opening)
}

/// The bytes of the disk whose image `path` names; it may lie in containers. An image without compression is the
/// disk itself.
///
/// # Errors
/// [`MediaError::Unknown`] if it is no disk image, [`MediaError::Encrypted`], or damage.
pub fn image(path: &Path) -> Result<Arc<dyn ReadAt>, MediaError> {
    image_with(path, &OpenOptions::default())
}

/// As [`image`](fn@image), with what is needed besides the file.
///
/// # Errors
/// As [`image`](fn@image), and [`MediaError::WrongPassword`].
pub fn image_with(path: &Path, options: &OpenOptions) -> Result<Arc<dyn ReadAt>, MediaError> {
    let Location { tree, inner } = locate_with(path, options)?;
    let inner = follow(&*tree, &inner)?;
    if let Some(disk) = SparseBundle::open(&tree, &inner)? {
        return Ok(Arc::new(disk));
    }
    let opening = Opening {
        name: &inner,
        budget: &budget(),
        options,
        beside: &|name| neighbour(&*tree, &inner, name),
    };
    disk_in(tree.source(&inner)?, &opening)
}

/// The disk that is in a source, or is the source.
fn disk_in(source: Arc<dyn ReadAt>, opening: &Opening<'_>) -> Result<Arc<dyn ReadAt>, MediaError> {
    match detect(&*source).map_err(MediaError::content(opening.name))? {
        Some(Format::Udif) => Ok(Arc::new(udif_image(source, opening)?)),
        Some(Format::SparseImage) => Ok(Arc::new(sparse::open(source)?)),
        Some(Format::EncryptedImage) => {
            let budget = opening.budget.descend()?;
            let opening = Opening {
                budget: &budget,
                ..*opening
            };
            disk_in(decrypted(source, &opening)?, &opening)
        }
        None if disk::is_disk(&source)? => Ok(source),
        _ => Err(MediaError::Unknown {
            what: format!("`{}`", opening.name),
        }),
    }
}

/// What is opened, and how.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) name: &'a str,
    pub(crate) budget: &'a Budget,
    pub(crate) options: &'a OpenOptions,
    /// Finds the files that lie beside it.
    pub(crate) beside: udif::Beside<'a>,
}

pub(crate) fn budget() -> Budget {
    Budget::for_medium("medium")
}

/// The neighbours of a file of which only the bytes are known.
fn alone(name: &str) -> Result<Arc<dyn ReadAt>, MediaError> {
    Err(MediaError::NotFound {
        path: name.to_owned(),
    })
}

/// The file `name` beside the one at `path`.
pub(crate) fn neighbour(
    tree: &dyn Tree,
    path: &str,
    name: &str,
) -> Result<Arc<dyn ReadAt>, MediaError> {
    tree.source(&path::join(path::split(path).0, name))
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

/// A place inside a container of the host.
fn inside(
    container: Arc<dyn Tree>,
    names: &[String],
    options: &OpenOptions,
) -> Result<Location, MediaError> {
    let mut budget = budget();
    let mut location = Location {
        tree: container,
        inner: String::new(),
    };
    let Some((last, on_the_way)) = names.split_last() else {
        return Ok(location);
    };
    for (name, next) in on_the_way.iter().zip(names.iter().skip(1)) {
        location.inner = follow(&*location.tree, &path::join(&location.inner, name))?;
        let next = path::join(&location.inner, next);
        if location.tree.entry(&location.inner)?.is_folder() && location.tree.entry(&next).is_ok() {
            continue;
        }
        let deeper = budget.descend()?;
        let found = contents(&location.tree, &location.inner, &deeper, options)?;
        if let Some(tree) = found {
            budget = deeper;
            location.tree = tree;
            location.inner = String::new();
        }
    }
    location.inner = path::join(&location.inner, last);
    Ok(location)
}

/// What the container at `path` of `tree` holds; none if it is an ordinary folder or a link.
fn contents(
    tree: &Arc<dyn Tree>,
    path: &str,
    budget: &Budget,
    options: &OpenOptions,
) -> Result<Option<Arc<dyn Tree>>, MediaError> {
    let entry = tree.entry(path)?;
    if entry.is_file() {
        let opening = Opening {
            name: path,
            budget,
            options,
            beside: &|name| neighbour(&**tree, path, name),
        };
        return open_at(&**tree, path, &opening).map(Some);
    }
    if !entry.is_folder() {
        return Ok(None);
    }
    let Some(bundle) = SparseBundle::open(tree, path)? else {
        return Ok(None);
    };
    let bundle: Arc<dyn ReadAt> = Arc::new(bundle);
    disk::open(&bundle, path).map(Some)
}

/// Opens the container that is the file at `path` of `tree`.
pub(crate) fn open_file(
    tree: &dyn Tree,
    path: &str,
    budget: &Budget,
) -> Result<Arc<dyn Tree>, MediaError> {
    let opening = Opening {
        name: path,
        budget,
        options: &OpenOptions::default(),
        beside: &|name| neighbour(tree, path, name),
    };
    open_at(tree, path, &opening)
}

/// As `opening` says, the container that is the file at `path` of `tree`.
fn open_at(
    tree: &dyn Tree,
    path: &str,
    opening: &Opening<'_>,
) -> Result<Arc<dyn Tree>, MediaError> {
    if let Some(unproved) = tree.unproved(path)?
        && is_stream(&unproved.source())
    {
        let stored = Stored::Unproved(unproved);
        return streamed(stored, opening);
    }
    open_named(tree.source(path)?, opening)
}

fn open_named(source: Arc<dyn ReadAt>, opening: &Opening<'_>) -> Result<Arc<dyn Tree>, MediaError> {
    let Opening { name, budget, .. } = *opening;
    match detect(&*source).map_err(MediaError::content(name))? {
        Some(Format::Compressed(codec)) => compressed(&source, codec, opening),
        Some(Format::Zip) => Ok(Arc::new(ZipTree::open(source, budget)?)),
        Some(Format::EncryptedImage) => {
            let budget = budget.descend()?;
            let opening = Opening {
                budget: &budget,
                ..*opening
            };
            open_named(decrypted(source, &opening)?, &opening)
        }
        Some(Format::AppleArchive) => Ok(Arc::new(aar::open(source, budget)?)),
        Some(Format::EncryptedArchive) => Err(MediaError::Encrypted {
            what: format!("the Apple archive `{name}`"),
        }),
        Some(Format::OtherWrapper) => Err(unsupported(name, "an Apple archive in LZ4 or LZBITMAP")),
        Some(Format::SevenZip) => Ok(Arc::new(SevenZip::open(source, budget)?)),
        Some(Format::SparseImage) => {
            let disk: Arc<dyn ReadAt> = Arc::new(sparse::open(source)?);
            disk::open(&disk, name)
        }
        Some(Format::Xar) => Ok(Arc::new(FlatPackage::open(source, budget)?)),
        Some(Format::Cpio) => Ok(Arc::new(cpio::open(source, budget)?)),
        Some(Format::Tar) => Ok(Arc::new(tar::open(source, budget)?)),
        Some(Format::Udif) => {
            let disk: Arc<dyn ReadAt> = Arc::new(udif_image(source, opening)?);
            disk::open(&disk, name)
        }
        None => disk::open(&source, name),
    }
}

/// The disk image in `source`, put together with its other files if it is split.
pub(crate) fn udif_image(
    source: Arc<dyn ReadAt>,
    opening: &Opening<'_>,
) -> Result<udif::Image, MediaError> {
    let name = path::split(opening.name).1;
    udif::Image::open(udif::join(source, name, opening.beside)?)
}

/// What an encrypted image holds.
pub(crate) fn decrypted(
    source: Arc<dyn ReadAt>,
    opening: &Opening<'_>,
) -> Result<Arc<dyn ReadAt>, MediaError> {
    let password = opening.options.password.as_ref();
    let image = EncryptedImage::open(source, opening.name, password)?;
    Ok(Arc::new(image))
}

/// What a compressed stream holds. It is looked through to an archive or a disk, which need a compression around
/// them; anything else is one file that happens to be compressed.
fn compressed(
    source: &Arc<dyn ReadAt>,
    codec: Codec,
    opening: &Opening<'_>,
) -> Result<Arc<dyn Tree>, MediaError> {
    let name = opening.name;
    if is_stream(source) {
        return streamed(Stored::Proved(Arc::clone(source)), opening);
    }
    let mut inner = opening.budget.descend()?;
    let stored = SourceReader::new(Arc::clone(source));
    let contents = ReadAhead::new(codec.reader(Box::new(stored)));
    let contents = spool(
        name,
        contents.map_err(MediaError::content(name))?,
        &mut inner,
    )?;
    let transparent = match detect(&*contents).map_err(MediaError::content(name))? {
        Some(Format::AppleArchive | Format::Cpio | Format::Tar) | None => true,
        Some(_) => false,
    };
    if transparent {
        let opening = Opening {
            budget: &inner,
            beside: &alone,
            ..*opening
        };
        match open_named(Arc::clone(&contents), &opening) {
            Err(MediaError::Unknown { .. }) => {}
            opened => return opened,
        }
    }
    Ok(Arc::new(SingleFile::new(inner_name(name), contents)))
}

/// The archive that is read from front to back.
fn streamed(stored: Stored, opening: &Opening<'_>) -> Result<Arc<dyn Tree>, MediaError> {
    let budget = opening.budget.descend()?;
    let archive = StreamedArchive::new(opening.name, stored, STREAMED, budget);
    Ok(Arc::new(archive))
}

/// Whether an archive is in `source` that can be read from front to back. Damage is told when it is read.
fn is_stream(source: &Arc<dyn ReadAt>) -> bool {
    if !matches!(detect(&**source), Ok(Some(Format::Compressed(STREAMED)))) {
        return false;
    }
    let mut reader = STREAMED.reader(Box::new(SourceReader::new(Arc::clone(source))));
    let mut start = [0; 6];
    let read = fill_with(&mut start, |_, rest| reader.read(rest));
    read.is_ok_and(|read| read == start.len()) && cpio::is_streamable(start)
}

fn unsupported(name: &str, what: &str) -> MediaError {
    MediaError::Parse(ParseError::Unsupported {
        structure: "medium",
        what: format!("`{name}`, {what},"),
    })
}

#[cfg(test)]
mod tests {
    use std::{io, os::unix::fs::symlink};

    use tempfile::TempDir;

    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;
    use crate::{
        Kind,
        codec::{lzma, lzw},
        samples::{self, Sample},
        walk,
    };

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
    fn a_link_of_the_host_is_followed_wherever_it_leads() {
        let house = nested();
        let elsewhere = TempDir::new().unwrap();
        let at = |path: &str| elsewhere.path().join(path);
        symlink(house.path().join("suite.zip"), at("absolute.zip")).unwrap();
        symlink("absolute.zip", at("z.zip")).unwrap();
        symlink(house.path(), at("folder")).unwrap();
        for link in ["absolute.zip", "z.zip", "folder/suite.zip"] {
            assert_eq!(look_into(&at(link)).unwrap().inner, "");
            let tree = open(&at(link)).unwrap();
            assert!(tree.entry("read.me").unwrap().is_file(), "{link}");
            let location = locate(&at(link)).unwrap();
            assert_eq!(location.inner, "suite.zip");
            assert!(location.tree.entry("suite.zip").unwrap().is_file());
        }
        // What a folder holds is told as it is, and a link inside a medium stays in it.
        let tree = look_into(elsewhere.path()).unwrap().tree;
        for entry in walk(&*tree, "").unwrap() {
            assert!(matches!(entry.kind, Kind::Link { .. }), "{}", entry.path);
        }
        assert_eq!(locate(&at("z.zip/out")).unwrap().inner, "out");
        let error = look_into(&at("z.zip/out")).unwrap_err();
        assert!(matches!(error, MediaError::LeadsOut { .. }), "{error}");
    }

    #[test]
    fn the_container_is_called_by_its_name() {
        let bytes = Arc::new(b"text".to_vec());
        let budget = Budget::for_medium("sample");
        let error = open_source_named("some.zip", bytes, &budget).unwrap_err();
        assert!(error.to_string().contains("`some.zip`"), "{error}");
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
    fn what_is_in_a_compressed_archive_is_reached_through_the_compression() {
        let tar = samples::tar(&[("App.app/run", Sample::File(0o755, b"run"))]);
        let cpio = samples::cpio(&[("App.app/run", Sample::File(0o755, b"run"))]);
        let house = TempDir::new().unwrap();
        for archive in [&tar, &cpio] {
            for (number, compressed) in [
                compress_to_vec(archive.as_slice(), CompressionLevel::Fastest),
                lzma::tests::compress(archive, true),
                lzma::tests::compress(archive, false),
                lzw::tests::compress(archive, 0x90),
            ]
            .into_iter()
            .enumerate()
            {
                let path = house.path().join("archive");
                fs_err::write(&path, compressed).unwrap();
                let location = locate(&path.join("App.app/run")).unwrap();
                let entry = location.tree.entry("App.app/run").unwrap();
                assert_eq!(
                    (entry.mode, entry.len_bytes()),
                    (0o755, Some(3)),
                    "{number}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_is_compressed_in_any_way_is_found_by_its_contents() {
        let text = b"only a text".repeat(9);
        let house = TempDir::new().unwrap();
        for compressed in [
            compress_to_vec(text.as_slice(), CompressionLevel::Fastest),
            lzma::tests::compress(&text, false),
            lzw::tests::compress(&text, 0x8c),
        ] {
            let path = house.path().join("notes.txt.x");
            fs_err::write(&path, compressed).unwrap();
            let tree = open(&path).unwrap();
            let mut found = Vec::new();
            let mut reader = tree.open("notes.txt").unwrap();
            io::Read::read_to_end(&mut reader, &mut found).unwrap();
            assert_eq!(found, text);
        }
    }

    #[test]
    fn a_package_lists_what_its_payload_holds() {
        let house = nested();
        let tree = open(&house.path().join("suite.zip/latest.pkg")).unwrap();
        let found = walk(&*tree, "").unwrap();
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
            ("notes.tzst", "notes.tar"),
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
