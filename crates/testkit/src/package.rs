//! Flat packages and icons made by hand.

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _};

use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

/// Members of a folder in a package, by name.
#[derive(Default)]
struct Folder<'a> {
    files: Vec<(&'a str, &'a [u8])>,
    folders: BTreeMap<&'a str, Self>,
}

/// A flat package, or any other xar archive: files by their paths. It has no checksums.
///
/// # Errors
/// If a member is too large to be compressed in memory.
pub fn flat(members: &[(&str, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut root = Folder::default();
    for (path, contents) in members {
        let mut folder = &mut root;
        let mut name = *path;
        while let Some((outer, inner)) = name.split_once('/') {
            folder = folder.folders.entry(outer).or_default();
            name = inner;
        }
        folder.files.push((name, contents));
    }
    let (mut toc, mut heap, mut number) = (String::new(), Vec::new(), 0);
    toc.push_str("<?xml version=\"1.0\"?><xar><toc>");
    list(&root, &mut toc, &mut heap, &mut number);
    toc.push_str("</toc></xar>");
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(toc.as_bytes())?;
    let stored = encoder.finish()?;
    let mut bytes = b"xar!\x00\x1c\x00\x01".to_vec();
    bytes.extend((stored.len() as u64).to_be_bytes());
    bytes.extend((toc.len() as u64).to_be_bytes());
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(stored);
    bytes.extend(heap);
    Ok(bytes)
}

fn list(folder: &Folder<'_>, toc: &mut String, heap: &mut Vec<u8>, number: &mut u32) {
    for (name, contents) in &folder.files {
        *number += 1;
        let (offset, len) = (heap.len(), contents.len());
        write!(
            toc,
            "<file id=\"{number}\"><data><length>{len}</length><offset>{offset}</offset><size>{len}</size>\
             <encoding style=\"application/octet-stream\"/></data>\
             <mode>0644</mode><type>file</type><name>{name}</name></file>"
        )
        .unwrap_or_default();
        heap.extend_from_slice(contents);
    }
    for (name, inner) in &folder.folders {
        *number += 1;
        write!(
            toc,
            "<file id=\"{number}\"><mode>0755</mode><type>directory</type><name>{name}</name>"
        )
        .unwrap_or_default();
        list(inner, toc, heap, number);
        toc.push_str("</file>");
    }
}

/// The payload of a component: files by their paths; folders are made as they are needed.
///
/// # Errors
/// If it is too large to be compressed in memory.
pub fn payload(files: &[(&str, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut folders: Vec<&str> = vec!["."];
    let mut number = 0;
    entry(&mut encoder, &mut number, ".", 0o040_755, b"")?;
    for (path, contents) in files {
        for (at, _) in path.match_indices('/') {
            let folder = path.split_at_checked(at).map_or("", |(folder, _)| folder);
            if !folders.contains(&folder) {
                folders.push(folder);
                entry(
                    &mut encoder,
                    &mut number,
                    &format!("./{folder}"),
                    0o040_755,
                    b"",
                )?;
            }
        }
        entry(
            &mut encoder,
            &mut number,
            &format!("./{path}"),
            0o100_644,
            contents,
        )?;
    }
    entry(&mut encoder, &mut number, "TRAILER!!!", 0, b"")?;
    encoder.finish()
}

/// Writes one entry in the portable form of cpio.
fn entry(
    out: &mut impl std::io::Write,
    number: &mut u32,
    path: &str,
    mode: u32,
    contents: &[u8],
) -> std::io::Result<()> {
    *number += 1;
    write!(
        out,
        "070707000001{number:06o}{mode:06o}000000000000000001000000{:011o}{:06o}{:011o}{path}\0",
        1_600_000_000,
        path.len() + 1,
        contents.len()
    )?;
    out.write_all(contents)
}

/// A package of one component that installs `files`, with its `PackageInfo`.
///
/// # Errors
/// If it is too large to be compressed in memory.
pub fn component(
    identifier: &str,
    version: &str,
    files: &[(&str, &[u8])],
) -> std::io::Result<Vec<u8>> {
    let kilobytes = files
        .iter()
        .map(|(_, contents)| contents.len())
        .sum::<usize>()
        / 1024
        + 1;
    let info = format!(
        "<pkg-info format-version=\"2\" identifier=\"{identifier}\" version=\"{version}\" install-location=\"/\">\
         <payload numberOfFiles=\"{}\" installKBytes=\"{kilobytes}\"/></pkg-info>",
        files.len()
    );
    let payload = payload(files)?;
    flat(&[("PackageInfo", info.as_bytes()), ("Payload", &payload)])
}

/// An icon file of these elements: four letters, and bytes.
pub fn icon(elements: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in elements {
        body.extend_from_slice(*name);
        body.extend(element_len(bytes).to_be_bytes());
        body.extend_from_slice(bytes);
    }
    let mut file = b"icns".to_vec();
    file.extend(element_len(&body).to_be_bytes());
    file.extend(body);
    file
}

/// The length of an element with its header.
fn element_len(bytes: &[u8]) -> u32 {
    len(bytes).saturating_add(8)
}

/// No sample is so long that its length would not fit.
fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A picture of one colour, as PNG.
///
/// # Errors
/// If it cannot be compressed in memory.
pub fn png(side: u32) -> std::io::Result<Vec<u8>> {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..side {
        rows.write_all(&[0])?;
        rows.write_all(&vec![0x40; side as usize])?;
    }
    let mut header = Vec::new();
    header.extend(side.to_be_bytes());
    header.extend(side.to_be_bytes());
    // Eight bits a pixel, grey.
    header.extend([8, 0, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &rows.finish()?);
    chunk(&mut png, *b"IEND", b"");
    Ok(png)
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], bytes: &[u8]) {
    png.extend(len(bytes).to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&name);
    crc.update(bytes);
    png.extend(name);
    png.extend_from_slice(bytes);
    png.extend(crc.sum().to_be_bytes());
}
