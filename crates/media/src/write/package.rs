//! Writes flat packages with one component: a xar archive of `PackageInfo` and a payload.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Seek as _, Write},
    path::Path,
};

use flate2::{Compression, GzBuilder, write::ZlibEncoder};
use proplist::Value;
use sha1::{Digest as _, Sha1};

use super::{cannot_store, cpio, output};
use crate::{Entry, HostTree, MediaError, Tree, path, walk, xar::MAGIC};

/// What a flat package says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Package<'a> {
    /// The identifier that its receipt will have.
    pub identifier: &'a str,
    /// The version that its receipt will have.
    pub version: &'a str,
    /// The folder of the Mac that what is in it is installed to: `/`, `/Applications`.
    pub install_location: &'a str,
}

/// Writes a flat package `out` that installs what is in `folder`.
///
/// It has no bill of materials and no signature: it is one to be read, not to be installed. The same folder makes the
/// same bytes, and `out` appears when it is whole.
///
/// # Errors
/// If a file cannot be read or written, or is longer than 8 GiB.
pub fn flat_pkg(folder: &Path, package: &Package<'_>, out: &Path) -> Result<(), MediaError> {
    let tree = HostTree::new(folder)?;
    let entries = walk(&tree, "")?;
    let failed = MediaError::host(out);
    let mut payload = Hashed::new(tempfile::tempfile().map_err(&failed)?);
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .write(&mut payload, Compression::default());
    cpio::write(&tree, &entries, &mut gzip, &failed)?;
    gzip.finish().map_err(&failed)?;
    let mut info = Hashed::new(Vec::new());
    info.write_all(package_info(&tree, &entries, package)?.as_bytes())
        .map_err(&failed)?;
    let members = [
        member(1, "PackageInfo", &info, Sha1::output_size() as u64),
        member(2, "Payload", &payload, 20_u64.saturating_add(info.len)),
    ];
    let toc = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<xar>\n <toc>\n  <checksum style=\"sha1\">\
         <offset>0</offset><size>20</size></checksum>\n{} </toc>\n</xar>\n",
        members.concat()
    );
    let mut file = output(out)?;
    file.write_all(&head(&toc).map_err(&failed)?)
        .map_err(&failed)?;
    file.write_all(&info.to).map_err(&failed)?;
    let mut stored = payload.to;
    stored.rewind().map_err(&failed)?;
    io::copy(&mut stored, &mut file).map_err(&failed)?;
    file.persist(out).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Counts and digests what is written.
struct Hashed<W> {
    to: W,
    len: u64,
    digest: Sha1,
}

impl<W> Hashed<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            len: 0,
            digest: Sha1::new(),
        }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.to.write(bytes)?;
        self.digest.update(bytes.get(..len).unwrap_or_default());
        self.len = self.len.saturating_add(len as u64);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What comes before the contents: the header, the table of contents, and its digest.
fn head(toc: &str) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(toc.as_bytes())?;
    let stored = encoder.finish()?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([0, 28, 0, 1]); // length of the header, version
    for len in [stored.len(), toc.len()] {
        bytes.extend((len as u64).to_be_bytes());
    }
    bytes.extend(1_u32.to_be_bytes()); // SHA-1
    bytes.extend(&stored);
    bytes.extend(Sha1::digest(&stored));
    Ok(bytes)
}

/// An entry of the table of contents, for what lies in the heap as it is.
fn member<W>(id: u32, name: &str, contents: &Hashed<W>, offset: u64) -> String {
    let digest = hex::encode(contents.digest.clone().finalize());
    let len = contents.len;
    format!(
        "  <file id=\"{id}\">\n   <data><length>{len}</length><offset>{offset}</offset>\
         <size>{len}</size><encoding style=\"application/octet-stream\"/>\
         <extracted-checksum style=\"sha1\">{digest}</extracted-checksum>\
         <archived-checksum style=\"sha1\">{digest}</archived-checksum></data>\n   \
         <mode>0644</mode><type>file</type><name>{name}</name>\n  </file>\n"
    )
}

/// The `PackageInfo`: of the package, of its payload, and of the bundles in it.
fn package_info(
    tree: &dyn Tree,
    entries: &[Entry],
    package: &Package<'_>,
) -> Result<String, MediaError> {
    let kilobytes = |entry: &Entry| entry.len_bytes().unwrap_or(0).div_ceil(1024);
    let kilobytes = entries.iter().map(kilobytes).fold(0, u64::saturating_add);
    let mut info = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<pkg-info format-version=\"2\" identifier=\"{}\" \
         version=\"{}\" install-location=\"{}\" auth=\"root\">\n    \
         <payload numberOfFiles=\"{}\" installKBytes=\"{kilobytes}\"/>\n",
        escaped(package.identifier),
        escaped(package.version),
        escaped(package.install_location),
        entries.len().saturating_add(1),
    );
    for entry in entries {
        if let Some(bundle) = bundle(tree, entry)? {
            info.push_str(&bundle);
        }
    }
    info.push_str("</pkg-info>\n");
    Ok(info)
}

/// The line for the bundle whose `Info.plist` this is.
fn bundle(tree: &dyn Tree, entry: &Entry) -> Result<Option<String>, MediaError> {
    let (contents, name) = path::split(&entry.path);
    let (bundle, folder) = path::split(contents);
    if name != "Info.plist" || folder != "Contents" || bundle.is_empty() || !entry.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    tree.open(&entry.path)?
        .take(1 << 20)
        .read_to_end(&mut bytes)
        .map_err(MediaError::content(&entry.path))?;
    // What is no property list makes no bundle, which is all that a packager says of it.
    let Ok(Value::Dict(info)) = proplist::from_bytes(&bytes) else {
        return Ok(None);
    };
    let mut line = format!("    <bundle path=\"./{}\"", escaped(bundle));
    for (attribute, key) in [
        ("id", "CFBundleIdentifier"),
        ("CFBundleShortVersionString", "CFBundleShortVersionString"),
        ("CFBundleVersion", "CFBundleVersion"),
    ] {
        if let Some(Value::String(text)) = info.get(key) {
            write!(line, " {attribute}=\"{}\"", escaped(text))
                .map_err(|_full| cannot_store(&entry.path, "its version is too long"))?;
        }
    }
    line.push_str("/>\n");
    Ok(Some(line))
}

/// Text as it stands in an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
