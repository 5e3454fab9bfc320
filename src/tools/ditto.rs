//! `ditto`: copies folders, and unpacks zip archives and compressed cpio archives.

use std::{fs, path::Path};

use super::{Refusal, Words};
use crate::printer::Printer;

const FLAGS: [&str; 16] = [
    "-V",
    "-X",
    "-c",
    "-j",
    "-k",
    "-v",
    "-x",
    "-z",
    "--acl",
    "--extattr",
    "--noacl",
    "--noextattr",
    "--noqtn",
    "--norsrc",
    "--rsrc",
    "--sequesterRsrc",
];

pub(super) fn run(words: &[String], _printer: Printer) -> Result<u8, Refusal> {
    let words = parted(words);
    let words = Words::read(&words, &FLAGS, &[])?;
    if words.has("-c") {
        return Err(Refusal::NotServed("making archives (-c)".to_owned()));
    }
    let (source, target) = words.pair()?;
    let (source, target) = (Path::new(source), Path::new(target));
    if words.has("-x") {
        let tree = media::open(source)?;
        fs_err::create_dir_all(target)?;
        media::extract(&*tree, "", target)?;
    } else {
        copy(source, target)?;
    }
    Ok(0)
}

/// `-xk` is `-x -k`.
fn parted(words: &[String]) -> Vec<String> {
    let mut parted = Vec::new();
    for word in words {
        match word.strip_prefix('-') {
            Some(letters) if letters.len() > 1 && !letters.starts_with('-') => {
                parted.extend(letters.chars().map(|letter| format!("-{letter}")));
            }
            _ => parted.push(word.clone()),
        }
    }
    parted
}

/// A folder's contents go into the target, over what is there; a file becomes the target, or goes into it.
fn copy(source: &Path, target: &Path) -> Result<(), Refusal> {
    let metadata = fs_err::symlink_metadata(source)?;
    if metadata.is_dir() {
        return copy_folder(source, target);
    }
    let into = match source.file_name() {
        Some(name) if target.is_dir() => target.join(name),
        _ => target.to_owned(),
    };
    if let Some(folder) = into.parent() {
        fs_err::create_dir_all(folder)?;
    }
    copy_one(source, &into, &metadata)
}

fn copy_folder(source: &Path, target: &Path) -> Result<(), Refusal> {
    fs_err::create_dir_all(target)?;
    for entry in fs_err::read_dir(source)? {
        let entry = entry?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let metadata = fs_err::symlink_metadata(&from)?;
        if metadata.is_dir() {
            copy_folder(&from, &to)?;
        } else {
            copy_one(&from, &to, &metadata)?;
        }
    }
    // Last, since a folder that cannot be written could not be filled.
    fs_err::set_permissions(target, fs_err::metadata(source)?.permissions())?;
    Ok(())
}

fn copy_one(from: &Path, to: &Path, metadata: &fs::Metadata) -> Result<(), Refusal> {
    if to.symlink_metadata().is_ok() {
        fs_err::remove_file(to)?;
    }
    if metadata.is_symlink() {
        fs_err::os::unix::fs::symlink(fs_err::read_link(from)?, to)?;
    } else if metadata.is_file() {
        fs_err::copy(from, to)?;
    } else {
        return Err(Refusal::failed(format!(
            "{}: not a file, folder or link",
            from.display()
        )));
    }
    Ok(())
}
