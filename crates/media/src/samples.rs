//! Small media made by hand, for tests.

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use ::zip::{ZipWriter, write::SimpleFileOptions};
use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest as _, Sha1};

use crate::{
    Tree,
    write::{Sink, Volume},
};

/// What a member of a sample is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample<'a> {
    /// A file with mode and contents.
    File(u32, &'a [u8]),
    /// A folder with that mode.
    Folder(u32),
    /// A link to that target.
    Link(&'a str),
}

/// The bytes that hexadecimal digits stand for, white space left out.
pub(crate) fn bytes(digits: &str) -> Vec<u8> {
    let digits: String = digits.split_whitespace().collect();
    hex::decode(digits).unwrap()
}

/// A zip archive; written by the `zip` crate.
pub(crate) fn zip(members: &[(&str, Sample<'_>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, sample) in members {
        let options = SimpleFileOptions::default();
        match sample {
            Sample::File(mode, contents) => {
                writer
                    .start_file(*path, options.unix_permissions(*mode))
                    .unwrap();
                writer.write_all(contents).unwrap();
            }
            Sample::Folder(mode) => writer
                .add_directory(*path, options.unix_permissions(*mode))
                .unwrap(),
            Sample::Link(target) => writer.add_symlink(*path, *target, options).unwrap(),
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A cpio archive in the old portable form, as payloads are.
pub(crate) fn cpio(members: &[(&str, Sample<'_>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let trailer = [("TRAILER!!!", Sample::File(0, b""))];
    for (number, (path, sample)) in members.iter().chain(&trailer).enumerate() {
        let (mode, contents) = match sample {
            Sample::File(mode, contents) => (0o100_000 | mode, *contents),
            Sample::Folder(mode) => (0o040_000 | mode, &b""[..]),
            Sample::Link(target) => (0o120_777, target.as_bytes()),
        };
        let (name_len, len) = (path.len() + 1, contents.len());
        let head = format!(
            "070707000001{number:06o}{mode:06o}000765000024000001000000{:011o}{name_len:06o}{len:011o}",
            1_600_000_000
        );
        bytes.extend(head.as_bytes());
        bytes.extend(path.as_bytes());
        bytes.push(0);
        bytes.extend(contents);
    }
    bytes
}

/// A tar archive; written by the `tar` crate.
pub(crate) fn tar(members: &[(&str, Sample<'_>)]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (path, sample) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_mtime(1_600_000_000);
        match sample {
            Sample::File(mode, contents) => {
                header.set_mode(*mode);
                header.set_size(contents.len() as u64);
                builder.append_data(&mut header, path, *contents).unwrap();
            }
            Sample::Folder(mode) => {
                header.set_mode(*mode);
                header.set_size(0);
                header.set_entry_type(tar::EntryType::Directory);
                builder.append_data(&mut header, path, &b""[..]).unwrap();
            }
            Sample::Link(target) => {
                header.set_mode(0o777);
                header.set_size(0);
                header.set_entry_type(tar::EntryType::Symlink);
                builder.append_link(&mut header, path, target).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

/// A xar archive of files in the root, compressed with zlib; `change` may change the table of contents.
pub(crate) fn xar(members: &[(&str, &[u8])], change: impl Fn(String) -> String) -> Vec<u8> {
    let mut heap = vec![0; 20];
    let mut files = String::new();
    for (number, (name, contents)) in members.iter().enumerate() {
        let stored = zlib(contents);
        write!(
            files,
            "<file id=\"{number}\"><data><length>{}</length><offset>{}</offset><size>{}</size>\
             <encoding style=\"application/x-gzip\"/>\
             <archived-checksum style=\"sha1\">{}</archived-checksum>\
             <extracted-checksum style=\"sha1\">{}</extracted-checksum></data>\
             <mode>0644</mode><type>file</type><name>{name}</name></file>",
            stored.len(),
            heap.len(),
            contents.len(),
            hex::encode(Sha1::digest(&stored)),
            hex::encode(Sha1::digest(contents)),
        )
        .unwrap();
        heap.extend(stored);
    }
    let toc = change(format!(
        "<?xml version=\"1.0\"?><xar><toc><checksum style=\"sha1\"><offset>0</offset><size>20</size>\
         </checksum>{files}</toc></xar>"
    ));
    let stored = zlib(toc.as_bytes());
    heap[..20].copy_from_slice(&Sha1::digest(&stored));
    let mut bytes = b"xar!\x00\x1c\x00\x01".to_vec();
    bytes.extend((stored.len() as u64).to_be_bytes());
    bytes.extend((toc.len() as u64).to_be_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend(stored);
    bytes.extend(heap);
    bytes
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A volume without a disk around it; written by our own writer.
pub(crate) fn hfs_plus(tree: &dyn Tree) -> Vec<u8> {
    let mut bytes = Vec::new();
    let failed = |error| panic!("{error}");
    Volume::new(tree, "Sample")
        .unwrap()
        .write(&mut Sink::new(&mut bytes, &failed))
        .unwrap();
    bytes
}
