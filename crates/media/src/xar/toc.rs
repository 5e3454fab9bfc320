//! The table of contents.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use chrono::{DateTime, NaiveDateTime};
use model::Timestamp;
use roxmltree::{Document, Node, ParsingOptions};
use wire::{Budget, ParseError, bounded_xml};

use super::{
    digest::{Declared, DigestKind},
    fields::{self, STRUCTURE, child, children, invalid, number, required, text},
};
use crate::{MediaError, archive::path_budget, path};

/// Most XML nodes that are read.
const MOST_NODES: u32 = 1_000_000;

/// What the table of contents says.
#[derive(Debug, Default)]
pub(super) struct Toc {
    /// The digest of the table itself: its name as stored, and where it lies in the heap.
    pub(super) checksum: Option<Checksum>,
    pub(super) signatures: Vec<SignatureBlock>,
    pub(super) members: Vec<Member>,
}

/// The `<checksum>` of the table.
#[derive(Debug)]
pub(super) struct Checksum {
    pub(super) style: String,
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// A `<signature>` or `<x-signature>`: where its bytes lie in the heap.
#[derive(Debug)]
pub(super) struct SignatureBlock {
    pub(super) style: SignatureStyle,
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) certificates: Vec<Vec<u8>>,
}

/// A signature over the digest of the table of contents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature {
    /// What the bytes are.
    pub style: SignatureStyle,
    /// The signature's bytes.
    pub bytes: Vec<u8>,
    /// The certificates that come with it in DER, the signer's first.
    pub certificates: Vec<Vec<u8>>,
}

/// What the bytes of a signature are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignatureStyle {
    /// A CMS structure, detached over the digest's bytes.
    Cms,
    /// PKCS #1 v1.5 over the digest.
    Rsa,
    /// Something else.
    Other(String),
}

/// A member of an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The path from the root, clean.
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
    /// Where its contents are, if it is a file that is not empty.
    pub data: Option<Data>,
    /// Its extended attributes, by name.
    pub attributes: Vec<(String, Data)>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// When it was last changed.
    pub modified: Option<Timestamp>,
    /// The owner's number.
    pub uid: Option<u32>,
    /// The group's number.
    pub gid: Option<u32>,
}

/// What a member is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MemberKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link with that target.
    Link(String),
    /// A device, a pipe or something not known.
    Other(String),
}

/// Where contents lie in the heap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Data {
    /// Where they begin, in bytes from the start of the heap.
    pub offset: u64,
    /// How many bytes they have as stored.
    pub stored_len: u64,
    /// How many bytes they have when inflated.
    pub len: u64,
    /// How they are compressed.
    pub encoding: Encoding,
    /// The digest of the stored bytes.
    pub archived: Option<Declared>,
    /// The digest of the inflated bytes.
    pub extracted: Option<Declared>,
}

/// How contents are compressed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// bzip2
    Bzip2,
    /// Not at all.
    None,
    /// zlib, which the table calls gzip.
    Zlib,
    /// LZMA, in the older format or as xz.
    Lzma,
    /// Something else.
    Other(String),
}

impl Toc {
    /// Reads the inflated table.
    ///
    /// # Errors
    /// If it is not such a table, contradicts itself, or has a path that is absolute, contains `..` or occurs twice.
    pub(super) fn parse(xml: &str, budget: &mut Budget) -> Result<Self, MediaError> {
        bounded_xml(xml)?;
        let options = ParsingOptions {
            nodes_limit: MOST_NODES,
            ..ParsingOptions::default()
        };
        let document = match Document::parse_with_options(xml, options) {
            Ok(document) => document,
            Err(error) => {
                return Err(MediaError::Parse(ParseError::Invalid {
                    structure: STRUCTURE,
                    what: error.to_string(),
                    offset: 0,
                }));
            }
        };
        let root = document.root_element();
        let Some(toc) = children(root, "toc").next() else {
            return Err(invalid(root, "no <toc>").into());
        };
        let mut found = Self {
            checksum: checksum(toc)?,
            ..Self::default()
        };
        for name in ["signature", "x-signature"] {
            for node in children(toc, name) {
                found.signatures.push(signature(node)?);
            }
        }
        found.members = members(toc, budget, &mut path_budget())?;
        Ok(found)
    }
}

fn checksum(toc: Node<'_, '_>) -> Result<Option<Checksum>, ParseError> {
    let mut found = children(toc, "checksum");
    let Some(node) = found.next() else {
        return Ok(None);
    };
    if let Some(second) = found.next() {
        return Err(invalid(second, "a second <checksum>"));
    }
    Ok(Some(Checksum {
        style: node.attribute("style").unwrap_or_default().to_owned(),
        offset: required(node, "offset")?,
        len: required(node, "size")?,
    }))
}

fn signature(node: Node<'_, '_>) -> Result<SignatureBlock, ParseError> {
    let style = match node.attribute("style").unwrap_or_default() {
        "CMS" => SignatureStyle::Cms,
        "RSA" => SignatureStyle::Rsa,
        other => SignatureStyle::Other(other.to_owned()),
    };
    let certificates = node
        .descendants()
        .filter(|node| node.tag_name().name() == "X509Certificate")
        .map(fields::base64)
        .collect::<Result<_, _>>()?;
    Ok(SignatureBlock {
        style,
        offset: required(node, "offset")?,
        len: required(node, "size")?,
        certificates,
    })
}

/// All members, folders before what is in them. Their paths may be far longer than the table, which has only names.
fn members(
    toc: Node<'_, '_>,
    budget: &mut Budget,
    path_bytes: &mut Budget,
) -> Result<Vec<Member>, MediaError> {
    let mut members: Vec<Member> = Vec::new();
    let mut paths = BTreeSet::new();
    let mut hard_links = HardLinks::default();
    // What is in a folder shares its path until its own was spent.
    let root: Rc<str> = Rc::from("");
    let mut waiting: Vec<_> = children(toc, "file")
        .map(|node| (Rc::clone(&root), node))
        .collect();
    waiting.reverse();
    while let Some((folder, node)) = waiting.pop() {
        budget.spend_entry()?;
        let member = member(&folder, node)?;
        path_bytes.spend_bytes(member.path.len() as u64)?;
        if !paths.insert(member.path.clone()) {
            return Err(invalid(node, format!("`{}` is there twice", member.path)).into());
        }
        hard_links.note(node, members.len());
        let inner: Vec<_> = children(node, "file").collect();
        let folder: Rc<str> = Rc::from(member.path.as_str());
        for child in inner.into_iter().rev() {
            waiting.push((Rc::clone(&folder), child));
        }
        members.push(member);
    }
    hard_links.join(&mut members)?;
    Ok(members)
}

/// Files of which several names share the contents: only one of them, the original, has `<data>`.
#[derive(Debug, Default)]
struct HardLinks {
    /// Positions of all members by their number.
    by_id: BTreeMap<String, usize>,
    /// Position of a further name, and the number of the original.
    links: Vec<(usize, String)>,
}

impl HardLinks {
    fn note(&mut self, node: Node<'_, '_>, position: usize) {
        if let Some(id) = node.attribute("id") {
            self.by_id.insert(id.to_owned(), position);
        }
        let original = children(node, "type").find_map(|kind| kind.attribute("link"));
        if let Some(original) = original.filter(|original| *original != "original") {
            self.links.push((position, original.to_owned()));
        }
    }

    /// Gives the links their contents.
    ///
    /// # Errors
    /// If one leads to nothing, or only to itself or another link without contents: it would be an empty file. An
    /// original may be one.
    fn join(&self, members: &mut [Member]) -> Result<(), ParseError> {
        let links: BTreeSet<_> = self.links.iter().map(|(position, _)| *position).collect();
        for (position, id) in &self.links {
            let original = self.by_id.get(id).and_then(|original| {
                let member = members.get(*original)?;
                let is_found = member.data.is_some() || !links.contains(original);
                is_found.then(|| member.data.clone())
            });
            let Some(member) = members.get_mut(*position) else {
                continue;
            };
            if member.kind != MemberKind::File || member.data.is_some() {
                continue;
            }
            let Some(data) = original else {
                return Err(ParseError::Invalid {
                    structure: STRUCTURE,
                    what: format!("`{}` is a hard link to nothing", member.path),
                    offset: 0,
                });
            };
            member.data = data;
        }
        Ok(())
    }
}

fn member(folder: &str, node: Node<'_, '_>) -> Result<Member, MediaError> {
    let name = name(node)?;
    let path = path::clean(&path::join(folder, &name))?;
    if name.is_empty() || name.contains('/') || path::split(&path).1 != name {
        return Err(MediaError::Escapes { path: name });
    }
    let kind = match text(node, "type")?.unwrap_or("file") {
        "directory" => MemberKind::Folder,
        "file" | "hardlink" => MemberKind::File,
        "symlink" => MemberKind::Link(text(node, "link")?.unwrap_or_default().to_owned()),
        other => MemberKind::Other(other.to_owned()),
    };
    let data = match single(node, "data")? {
        Some(node) if kind == MemberKind::File => data(node)?,
        _ => None,
    };
    Ok(Member {
        path,
        kind,
        data,
        attributes: attributes(node)?,
        mode: mode(node)?,
        modified: text(node, "mtime")?.and_then(time),
        uid: number(node, "uid")?,
        gid: number(node, "gid")?,
    })
}

/// The only element of that name that has children of its own.
fn single<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> Result<Option<Node<'a, 'input>>, ParseError> {
    let mut found = children(node, name);
    let first = found.next();
    match found.next() {
        Some(second) => Err(invalid(second, format!("a second <{name}>"))),
        None => Ok(first),
    }
}

fn name(node: Node<'_, '_>) -> Result<String, ParseError> {
    let Some(name) = child(node, "name")? else {
        return Err(invalid(node, "a file without a name"));
    };
    if name.attribute("enctype") == Some("base64") {
        let bytes = fields::base64(name)?;
        return Ok(path::from_bytes(&bytes).into_owned());
    }
    Ok(name.text().unwrap_or_default().to_owned())
}

fn mode(node: Node<'_, '_>) -> Result<Option<u32>, ParseError> {
    let Some(text) = text(node, "mode")? else {
        return Ok(None);
    };
    match u32::from_str_radix(text, 8) {
        Ok(mode) => Ok(Some(mode & 0o7777)),
        Err(_) => Err(invalid(node, format!("mode `{text}`"))),
    }
}

/// `2025-03-13T06:03:07Z`, in older archives without the letter; what is no time is as if it were not there.
fn time(text: &str) -> Option<Timestamp> {
    let with_zone = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let without = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    with_zone
        .or_else(|_| without().map(|time| time.and_utc()))
        .ok()
        .map(Timestamp::from)
}

/// Where the contents are; none if there are none.
fn data(node: Node<'_, '_>) -> Result<Option<Data>, ParseError> {
    let Some(offset) = number(node, "offset")? else {
        return Ok(None);
    };
    let style = child(node, "encoding")?.and_then(|node| node.attribute("style"));
    let encoding = match style.unwrap_or("application/octet-stream") {
        "application/octet-stream" => Encoding::None,
        "application/x-gzip" => Encoding::Zlib,
        "application/x-bzip2" => Encoding::Bzip2,
        "application/x-lzma" | "application/x-xz" => Encoding::Lzma,
        other => Encoding::Other(other.to_owned()),
    };
    Ok(Some(Data {
        offset,
        stored_len: required(node, "length")?,
        len: required(node, "size")?,
        encoding,
        archived: declared(node, "archived-checksum")?,
        extracted: declared(node, "extracted-checksum")?,
    }))
}

fn declared(node: Node<'_, '_>, name: &'static str) -> Result<Option<Declared>, ParseError> {
    let Some(node) = child(node, name)? else {
        return Ok(None);
    };
    let style = node.attribute("style").unwrap_or_default();
    if style.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let Some(kind) = DigestKind::named(style) else {
        return Err(ParseError::Unsupported {
            structure: STRUCTURE,
            what: format!("the digest `{style}`"),
        });
    };
    match hex::decode(node.text().unwrap_or_default().trim()) {
        Ok(value) if value.len() as u64 == kind.len_bytes() => Ok(Some(Declared { kind, value })),
        _ => Err(invalid(node, format!("<{name}> is no {style} digest"))),
    }
}

fn attributes(node: Node<'_, '_>) -> Result<Vec<(String, Data)>, ParseError> {
    let mut attributes = BTreeMap::new();
    for node in children(node, "ea") {
        if let (Some(name), Some(data)) = (text(node, "name")?, data(node)?) {
            attributes.insert(name.to_owned(), data);
        }
    }
    Ok(attributes.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_have_only_so_many_bytes_together() {
        let xml = "<toc><file><name>abc</name><type>directory</type>\
                   <file><name>d</name></file><file><name>e</name></file></file></toc>";
        let document = Document::parse(xml).unwrap();
        let read = |most| {
            let mut path_bytes = Budget::new("paths of an archive", most, 0, 0);
            let mut budget = Budget::for_medium("test archive");
            members(document.root_element(), &mut budget, &mut path_bytes)
        };
        let found = read(13).unwrap();
        let paths: Vec<_> = found.iter().map(|member| member.path.as_str()).collect();
        assert_eq!(paths, ["abc", "abc/d", "abc/e"]);
        let error = read(12).unwrap_err().to_string();
        assert_eq!(error, "paths of an archive: more than 12 bytes");
    }
}
