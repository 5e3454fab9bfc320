//! Writers: disk images and packages for tests, the demo, and what the pipeline itself makes.

mod bom;
mod compression;
mod cpio;
mod gpt;
mod hfsplus;
mod owned;
mod package;
mod seal;
mod udif;
mod xar;

use std::{
    fs::Permissions,
    io::{BufWriter, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::NamedTempFile;

#[cfg(test)]
pub(crate) use self::hfsplus::tree_of;
pub(crate) use self::hfsplus::{Sink, Volume};
pub use self::{
    compression::Compression,
    owned::Owner,
    package::{Package, flat_pkg, flatten, flatten_sealed},
    seal::{Seal, SealLengths, Sealer},
};
use self::{
    gpt::{FIRST_SECTOR, Gpt, TABLE_SECTORS},
    udif::ImageWriter,
};
use crate::{HostTree, MediaError, Tree, udif::constants::SECTOR};

/// Writes a compressed disk image `out` whose only volume is named `volume_name` and holds what is in `folder`.
///
/// The same folder makes the same bytes: owners are left out, and all times are those of the files. Nothing but
/// names and lengths is kept in memory. `out` appears when it is whole.
///
/// # Errors
/// If a file cannot be read or written, or a name cannot be stored.
pub fn dmg(folder: &Path, volume_name: &str, out: &Path) -> Result<(), MediaError> {
    dmg_of(
        &HostTree::new(folder)?,
        volume_name,
        Compression::default(),
        out,
    )
}

/// As [`dmg`], of any tree and with any compression.
///
/// # Errors
/// As [`dmg`].
pub fn dmg_of(
    tree: &dyn Tree,
    volume_name: &str,
    compression: Compression,
    out: &Path,
) -> Result<(), MediaError> {
    let failed = MediaError::host(out);
    let volume = Volume::new(tree, volume_name)?;
    let file = output(out)?;
    let mut image = ImageWriter::new(BufWriter::new(file), compression);
    let sectors = volume.len().div_euclid(SECTOR);
    let gpt = Gpt::new(volume_name, sectors);
    let unused = FIRST_SECTOR.saturating_sub(TABLE_SECTORS + 2);
    let unused = vec![0; usize::try_from(unused.saturating_mul(SECTOR)).unwrap_or(0)];
    let before = [
        (
            "Protective Master Boot Record (MBR : 0)",
            gpt.protective_mbr(),
        ),
        ("GPT Header (Primary GPT Header : 1)", gpt.first_header()),
        ("GPT Partition Data (Primary GPT Table : 2)", gpt.table()),
        (" (Apple_Free : 3)", unused),
    ];
    let after = [
        ("GPT Partition Data (Backup GPT Table : 5)", gpt.table()),
        ("GPT Header (Backup GPT Header : 6)", gpt.second_header()),
    ];
    let part = |name: &str, bytes: &[u8], image: &mut ImageWriter<_>| {
        image.begin(name).map_err(&failed)?;
        image.write_all(bytes).map_err(&failed)
    };
    for (name, bytes) in &before {
        part(name, bytes, &mut image)?;
    }
    part("disk image (Apple_HFS : 4)", &[], &mut image)?;
    volume.write(&mut Sink::new(&mut image, &failed))?;
    for (name, bytes) in &after {
        part(name, bytes, &mut image)?;
    }
    let file = image.finish().map_err(&failed)?;
    let file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.persist(out).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A file beside `out` that will take its place.
fn output(out: &Path) -> Result<NamedTempFile, MediaError> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))
        .map_err(MediaError::host(out))
}

fn cannot_store(path: &str, why: &'static str) -> MediaError {
    MediaError::CannotStore {
        path: path.to_owned(),
        why,
    }
}

fn too_large(what: &'static str) -> MediaError {
    cannot_store(what, "it is too large")
}

/// Text as it stands in an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
