//! Says what a medium is made of.

use std::{
    io::{self, Read as _},
    iter,
    path::Path,
    sync::Arc,
};

use proplist::Value;
use wire::{ReadAt, read_vec};

use crate::{
    Kind, Location, MediaError, OpenOptions, Tree,
    detect::{Format, detect},
    disk, follow,
    image::{SparseBundle, sparse},
    locate_with, look_into_with,
    open::{Opening, budget, decrypted, neighbour, udif_image},
    open_with, path,
    udif::{Checksum, Image},
    walk,
};

/// Longest property list of a package.
const LONGEST_PLIST: u64 = 1 << 20;

/// What a medium is made of.
#[derive(Debug)]
pub struct Description {
    /// From the outermost to the innermost; volumes of the same disk lie beside each other.
    pub layers: Vec<Layer>,
    /// What the tree holds that a path into the medium leads into.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub contents: Result<Contents, MediaError>,
}

/// One layer of a medium.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layer {
    /// The name of its format, for people.
    pub format: &'static str,
    /// How long it is; 0 for a folder.
    pub bytes: u64,
    /// What else is known of it, for people: a word, and what is true of it.
    pub facts: Vec<(&'static str, String)>,
}

/// How much a tree holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// How many files.
    pub files: u64,
    /// How many folders.
    pub folders: u64,
    /// How many symbolic links.
    pub links: u64,
    /// How many bytes the files have.
    pub bytes: u64,
}

/// Describes the file or folder at `path`, which may lie in containers.
///
/// # Errors
/// If there is nothing there, or it cannot be read at all.
pub fn describe(path: &Path, options: &OpenOptions) -> Result<Description, MediaError> {
    let contents =
        look_into_with(path, options).and_then(|Location { tree, inner }| count(&*tree, &inner));
    let Location { tree, inner } = locate_with(path, options)?;
    let inner = follow(&*tree, &inner)?;
    let layers = if tree.entry(&inner)?.is_file() {
        in_file(&*tree, &inner, options)?.layers
    } else {
        in_folder(&tree, &inner)
    };
    Ok(Description { layers, contents })
}

/// Reads everything in the medium at `path`, and compares it with every checksum that it carries; says how many bytes
/// that were. Of an image that is split, the checksums of the disk are compared, those of the single files are not.
///
/// # Errors
/// Damage: something that cannot be read, or whose checksum differs.
pub fn verify(path: &Path, options: &OpenOptions) -> Result<u64, MediaError> {
    let Location { tree, inner } = locate_with(path, options)?;
    let inner = follow(&*tree, &inner)?;
    if tree.entry(&inner)?.is_file()
        && let Some(image) = in_file(&*tree, &inner, options)?.image?
    {
        image.verify()?;
    }
    let tree = open_with(path, options)?;
    let mut read = 0_u64;
    for entry in walk(&*tree, "")? {
        if entry.is_file() {
            let mut contents = tree.open(&entry.path)?.take(u64::MAX);
            let len = io::copy(&mut contents, &mut io::sink());
            read = read.saturating_add(len.map_err(MediaError::content(&entry.path))?);
        }
    }
    Ok(read)
}

fn count(tree: &dyn Tree, inner: &str) -> Result<Contents, MediaError> {
    let mut contents = Contents::default();
    for entry in walk(tree, inner)? {
        let (counter, len) = match entry.kind {
            Kind::File { len_bytes } => (&mut contents.files, len_bytes),
            Kind::Folder => (&mut contents.folders, 0),
            Kind::Link { .. } => (&mut contents.links, 0),
        };
        *counter = counter.saturating_add(1);
        contents.bytes = contents.bytes.saturating_add(len);
    }
    Ok(contents)
}

/// What a file is made of, as far as that can be told without unpacking it.
struct Found {
    layers: Vec<Layer>,
    /// The disk image that was met; none if there is none.
    image: Result<Option<Arc<Image>>, MediaError>,
}

fn in_file(tree: &dyn Tree, path: &str, options: &OpenOptions) -> Result<Found, MediaError> {
    let mut budget = budget();
    let mut source = tree.source(path)?;
    let mut layers = Vec::new();
    loop {
        let format = detect(&*source).map_err(MediaError::content(path))?;
        if let Some(format) = format {
            layers.push(Layer::new(format.label(), source.len()));
        }
        let opening = Opening {
            name: path,
            budget: &budget,
            options,
            beside: &|name| neighbour(tree, path, name),
        };
        if format == Some(Format::EncryptedImage) {
            match decrypted(Arc::clone(&source), &opening) {
                Ok(inner) => source = inner,
                Err(error) => {
                    let image = Err(error);
                    return Ok(Found { layers, image });
                }
            }
            budget = budget.descend()?;
            continue;
        }
        let image = match format {
            Some(Format::Udif) => udif_image(Arc::clone(&source), &opening)
                .map(Arc::new)
                .map(Some),
            _ => Ok(None),
        };
        if let (Ok(Some(image)), Some(layer)) = (&image, layers.last_mut()) {
            layer.facts = facts_of(image);
        }
        layers.extend(below(
            source,
            format,
            image.as_ref().ok().cloned().flatten(),
        ));
        return Ok(Found { layers, image });
    }
}

/// The layers below the file, which is of that format or an image.
fn below(source: Arc<dyn ReadAt>, format: Option<Format>, image: Option<Arc<Image>>) -> Vec<Layer> {
    let disk: Option<Arc<dyn ReadAt>> = match (image, format) {
        (Some(image), _) => Some(image),
        (None, Some(Format::SparseImage)) => {
            sparse::open(source).ok().map(|disk| Arc::new(disk) as _)
        }
        (None, Some(_)) => None,
        (None, None) => Some(source),
    };
    disk.as_ref().map(on_disk).unwrap_or_default()
}

/// A folder may be a medium: the disk of its bands, or a package as they were before flat ones.
fn in_folder(tree: &Arc<dyn Tree>, folder: &str) -> Vec<Layer> {
    match SparseBundle::open(tree, folder) {
        Ok(None) => bundle_package(&**tree, folder).into_iter().collect(),
        Ok(Some(disk)) => {
            let layer = Layer::new("sparse bundle", disk.len());
            let disk: Arc<dyn ReadAt> = Arc::new(disk);
            iter::once(layer).chain(on_disk(&disk)).collect()
        }
        Err(_damaged) => vec![Layer::new("sparse bundle", 0)],
    }
}

/// What a package that is a folder says of itself.
///
/// # Source
/// Apple's `Software Delivery Guide` (2006), "Anatomy of a component package" and "of a metapackage".
fn bundle_package(tree: &dyn Tree, folder: &str) -> Option<Layer> {
    let archives = ["Contents/Archive.pax.gz", "Contents/Archive.pax"];
    let payload = archives
        .iter()
        .find(|name| tree.entry(&path::join(folder, name)).is_ok());
    let list = tree
        .source(&path::join(folder, "Contents/Info.plist"))
        .ok()?;
    let bytes = read_vec(&*list, 0, list.len().min(LONGEST_PLIST)).ok()?;
    let list = proplist::from_bytes(&bytes).ok()?;
    let list = list.as_dict()?;
    let says_so = list.keys().any(|key| key.starts_with("IFPkg"));
    let format = match payload {
        Some(_) => "package bundle",
        None if says_so => "metapackage bundle",
        None => return None,
    };
    let text = |key: &str| list.get(key).and_then(Value::as_str).map(str::to_owned);
    let facts = [
        ("identifier", text("CFBundleIdentifier")),
        ("version", text("CFBundleShortVersionString")),
        ("payload", payload.map(|name| (*name).to_owned())),
    ];
    let mut layer = Layer::new(format, 0);
    layer.facts = facts
        .into_iter()
        .filter_map(|(what, fact)| Some((what, fact?)))
        .collect();
    Some(layer)
}

/// The map and the volumes of a disk; none if it is none.
fn on_disk(disk: &Arc<dyn ReadAt>) -> Vec<Layer> {
    let listed = disk::list(disk).unwrap_or_default().into_iter();
    listed
        .map(|(format, bytes)| Layer::new(format, bytes))
        .collect()
}

impl Layer {
    const fn new(format: &'static str, bytes: u64) -> Self {
        Self {
            format,
            bytes,
            facts: Vec::new(),
        }
    }
}

fn facts_of(image: &Image) -> Vec<(&'static str, String)> {
    let trailer = image.trailer();
    let checksum = match trailer.master_checksum {
        Checksum::Crc32(sum) => format!("CRC-32 {sum:08x}"),
        Checksum::None => "none".to_owned(),
        Checksum::Other(kind) => format!("of kind {kind}, which is not compared"),
    };
    let signature = match trailer.signature_len {
        0 => "none".to_owned(),
        len => format!("{len} bytes"),
    };
    vec![
        ("disk", format!("{} bytes", image.len())),
        ("compression", image.compressions().join(", ")),
        ("checksum", checksum),
        ("signature", signature),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        HostTree,
        write::{Compression, dmg_of},
    };

    #[test]
    fn an_image_is_described_and_its_checksums_are_looked_at() {
        let house = tempfile::TempDir::new().unwrap();
        let [contents, image] = ["in", "x.dmg"].map(|name| house.path().join(name));
        fs_err::create_dir_all(contents.join("a")).unwrap();
        fs_err::write(contents.join("a/b"), vec![b'x'; 300_000]).unwrap();
        let tree = HostTree::new(&contents).unwrap();
        dmg_of(&tree, "Suite", Compression::Lzfse, &image).unwrap();
        let options = OpenOptions::default();
        let described = describe(&image, &options).unwrap();
        let formats: Vec<_> = described.layers.iter().map(|layer| layer.format).collect();
        assert_eq!(formats, ["UDIF disk image", "HFS+ volume"]);
        let facts = &described.layers[0].facts;
        assert!(
            facts.contains(&("compression", "LZFSE, zeros".to_owned())),
            "{facts:?}"
        );
        let expected = Contents {
            files: 1,
            folders: 1,
            links: 0,
            bytes: 300_000,
        };
        assert_eq!(described.contents.unwrap(), expected);
        assert_eq!(verify(&image, &options).unwrap(), 300_000);
        let mut bytes = fs_err::read(&image).unwrap();
        bytes[40] ^= 1;
        fs_err::write(&image, bytes).unwrap();
        assert!(verify(&image, &options).is_err());
        assert!(describe(&contents, &options).unwrap().layers.is_empty());
        assert!(describe(&contents.join("nothing"), &options).is_err());
        let plain = describe(&contents.join("a/b"), &options).unwrap();
        assert!(matches!(plain.contents, Err(MediaError::Unknown { .. })));
    }

    #[test]
    fn a_folder_that_is_a_package_is_described() {
        let house = tempfile::TempDir::new().unwrap();
        let contents = house.path().join("Old.pkg/Contents");
        fs_err::create_dir_all(&contents).unwrap();
        let options = OpenOptions::default();
        let layers = |name: &str| describe(&house.path().join(name), &options).unwrap().layers;
        let list = |keys: &str| format!("<plist><dict>{keys}</dict></plist>");
        let named = "<key>CFBundleIdentifier</key><string>org.example.old</string>";
        fs_err::write(contents.join("Info.plist"), list(named)).unwrap();
        assert!(layers("Old.pkg").is_empty());
        fs_err::write(contents.join("Archive.pax.gz"), "").unwrap();
        let found = layers("Old.pkg");
        assert_eq!(found[0].format, "package bundle");
        let expected = [
            ("identifier", "org.example.old".to_owned()),
            ("payload", "Contents/Archive.pax.gz".to_owned()),
        ];
        assert_eq!(found[0].facts, expected);
        fs_err::remove_file(contents.join("Archive.pax.gz")).unwrap();
        let meta = "<key>IFPkgFlagComponentDirectory</key><string>Contents/Packages</string>";
        fs_err::write(contents.join("Info.plist"), list(meta)).unwrap();
        assert_eq!(layers("Old.pkg")[0].format, "metapackage bundle");
        assert_eq!(layers("Old.pkg/Contents"), []);
    }
}
