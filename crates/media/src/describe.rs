//! Says what a medium is made of.

use std::{
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use wire::ReadAt;

use crate::{
    Kind, Location, MediaError, OpenOptions, Tree,
    detect::{Format, detect},
    disk, follow, locate_with, look_into_with, open_with,
    udif::{Checksum, Image},
    walk,
};

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
    /// How long it is.
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
    if !tree.entry(&inner)?.is_file() {
        return Ok(Description {
            layers: Vec::new(),
            contents,
        });
    }
    let source = tree.source(&inner)?;
    let layers = layers(&source).map_err(MediaError::content(&inner))?;
    Ok(Description { layers, contents })
}

/// Reads everything in the medium at `path`, and compares it with every checksum that it carries; says how many bytes
/// that were. Of images that are encrypted or split, the checksums of the disk are
/// not looked at.
///
/// # Errors
/// Damage: something that cannot be read, or whose checksum differs.
pub fn verify(path: &Path, options: &OpenOptions) -> Result<u64, MediaError> {
    let Location { tree, inner } = locate_with(path, options)?;
    let inner = follow(&*tree, &inner)?;
    if tree.entry(&inner)?.is_file() {
        let source = tree.source(&inner)?;
        if detect(&*source).map_err(MediaError::content(&inner))? == Some(Format::Udif) {
            Image::open(source)?.verify()?;
        }
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

/// The layers of a file, as far as they can be told without unpacking it.
fn layers(source: &Arc<dyn ReadAt>) -> io::Result<Vec<Layer>> {
    let found = detect(&**source)?;
    let mut layers = Vec::new();
    if let Some(format) = found {
        layers.push(Layer {
            format: format.label(),
            bytes: source.len(),
            facts: Vec::new(),
        });
    }
    let disk: Option<Arc<dyn ReadAt>> = match found {
        None => Some(Arc::clone(source)),
        Some(Format::Udif) => Image::open(Arc::clone(source)).ok().map(|image| {
            if let Some(layer) = layers.last_mut() {
                layer.facts = facts_of(&image);
            }
            Arc::new(image) as _
        }),
        Some(_) => None,
    };
    for (format, bytes) in disk
        .and_then(|disk| disk::list(&disk).ok())
        .into_iter()
        .flatten()
    {
        layers.push(Layer {
            format,
            bytes,
            facts: Vec::new(),
        });
    }
    Ok(layers)
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
}
