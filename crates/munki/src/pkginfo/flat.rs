//! Flat packages: what they install, by their `PackageInfo` and `Distribution` files.

use std::{io::Read as _, sync::Arc};

use media::{
    MediaError,
    xar::{Archive, Member},
};
use proplist::{Dict, Value};
use roxmltree::{Document, Node, ParsingOptions};
use wire::{Budget, ReadAt, bounded_xml};

use super::{error::PkginfoError, installs::newest};
use crate::Compat;

/// Larger `PackageInfo` and `Distribution` files are not read.
const LARGEST_XML: u64 = 16 << 20;

/// More elements are not taken from one file.
const MOST_NODES: u32 = 1_000_000;

/// What a package says of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackageFacts {
    pub(crate) receipts: Vec<Dict>,
    pub(crate) product_version: Option<String>,
    pub(crate) minimum_os: Option<String>,
    pub(crate) restart: Restart,
    /// Of a bundle, what its `Info.plist` says.
    pub(crate) bundle_version: Option<String>,
}

/// What must happen after installing, the lesser first.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Restart {
    #[default]
    None,
    LogOut,
    Recommended,
    Required,
    ShutDown,
}

impl Restart {
    /// The value of `RestartAction`; none if nothing must happen.
    pub(crate) const fn action(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::LogOut => Some("RequireLogout"),
            Self::Recommended => Some("RecommendRestart"),
            Self::Required => Some("RequireRestart"),
            Self::ShutDown => Some("RequireShutdown"),
        }
    }

    /// `onConclusion` of a distribution.
    fn of_conclusion(text: &str) -> Self {
        match text {
            "RequireLogout" => Self::LogOut,
            "RecommendRestart" => Self::Recommended,
            "RequireRestart" => Self::Required,
            "RequireShutdown" => Self::ShutDown,
            _ => Self::None,
        }
    }

    /// `postinstall-action` of a component.
    fn of_component(text: &str) -> Self {
        match text {
            "logout" => Self::LogOut,
            "restart" => Self::Required,
            "shutdown" => Self::ShutDown,
            _ => Self::None,
        }
    }
}

/// What the flat package in `source` says of itself; `item` is its name in errors.
///
/// # Errors
/// If it is no flat package, is damaged, or what it says of itself cannot be parsed.
///
/// # Source
/// `getFlatPackageInfo` in `pkgutils.swift` of Munki 7.0.
pub(crate) fn facts(
    source: Arc<dyn ReadAt>,
    item: &str,
    compat: Compat,
) -> Result<PackageFacts, PkginfoError> {
    let archive =
        Archive::open(source, &Budget::for_medium("package")).map_err(|error| match error {
            MediaError::Parse(wire::ParseError::Magic { .. }) => PkginfoError::WrongKind {
                what: item.to_owned(),
                expected: "flat package",
            },
            error => PkginfoError::media(item)(error),
        })?;
    let mut facts = PackageFacts::default();
    for member in archive.members() {
        if is_component(&member.path, compat) {
            let text = text(&archive, member, item)?;
            component(&parse(&text, &member.path, item)?, compat, &mut facts);
            // Munki 6 takes a package with this file at its root for a component, and looks no further.
            if compat == Compat::Munki6 && member.path == "PackageInfo" {
                break;
            }
        }
    }
    let distribution = archive
        .members()
        .iter()
        .find(|member| is_distribution(&member.path, compat) && member.data.is_some());
    if let Some(member) = distribution {
        let text = text(&archive, member, item)?;
        self::distribution(&parse(&text, &member.path, item)?, compat, &mut facts);
    }
    Ok(facts)
}

fn is_component(path: &str, compat: Compat) -> bool {
    match compat {
        Compat::Munki6 => path == "PackageInfo" || path.ends_with(".pkg/PackageInfo"),
        Compat::Munki7 => path.ends_with("PackageInfo"),
    }
}

fn is_distribution(path: &str, compat: Compat) -> bool {
    match compat {
        Compat::Munki6 => path == "Distribution",
        Compat::Munki7 => path.ends_with("Distribution"),
    }
}

fn text(archive: &Archive, member: &Member, item: &str) -> Result<String, PkginfoError> {
    let what = || format!("`{}` in {item}", member.path);
    let Some(data) = &member.data else {
        return Ok(String::new());
    };
    let mut bytes = Vec::new();
    archive
        .reader(data)
        .map_err(PkginfoError::media(what()))?
        .take(LARGEST_XML.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| MediaError::Content {
            path: member.path.clone(),
            source,
        })
        .map_err(PkginfoError::media(what()))?;
    if bytes.len() as u64 > LARGEST_XML {
        return Err(PkginfoError::Damaged {
            what: what(),
            why: format!("it is larger than {LARGEST_XML} bytes"),
        });
    }
    Ok(decode(&bytes))
}

/// The text of an XML file in UTF-8 or UTF-16; of other encodings what is not ASCII is lost, and nothing that is
/// read here is anything else.
fn decode(bytes: &[u8]) -> String {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| -> String {
        let units = rest
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok())
            .map(unit);
        char::decode_utf16(units)
            .map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => String::from_utf8_lossy(rest).into_owned(),
    }
}

fn parse<'a>(text: &'a str, path: &str, item: &str) -> Result<Document<'a>, PkginfoError> {
    let damaged = |why: String| PkginfoError::Damaged {
        what: format!("`{path}` in {item}"),
        why,
    };
    bounded_xml(text).map_err(|error| damaged(error.to_string()))?;
    let options = ParsingOptions {
        // Entities are expanded within bounds, and none is fetched.
        allow_dtd: true,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text.trim_start(), options)
        .map_err(|error| damaged(error.to_string()))
}

/// Adds the receipt of a component: of the first `pkg-info` that has a payload; Munki 6 takes each.
fn component(document: &Document<'_>, compat: Compat, facts: &mut PackageFacts) {
    for info in named(document, "pkg-info") {
        let action = info.attribute("postinstall-action").unwrap_or_default();
        facts.restart = facts.restart.max(Restart::of_component(action));
    }
    let mut receipts = named(document, "pkg-info").filter_map(|info| {
        let payload = match compat {
            Compat::Munki6 => info
                .descendants()
                .find(|inner| inner.has_tag_name("payload")),
            Compat::Munki7 => info.children().find(|child| child.has_tag_name("payload")),
        }?;
        let mut receipt = Dict::new();
        receipt.insert("packageid".to_owned(), info.attribute("identifier")?.into());
        receipt.insert("version".to_owned(), info.attribute("version")?.into());
        insert_size(&mut receipt, &payload, compat);
        Some(receipt)
    });
    match compat {
        Compat::Munki6 => facts.receipts.extend(receipts),
        Compat::Munki7 => facts.receipts.extend(receipts.next()),
    }
}

fn insert_size(receipt: &mut Dict, element: &Node<'_, '_>, compat: Compat) {
    let size = element
        .attribute("installKBytes")
        .and_then(|text| kilobytes(text, compat));
    if let Some(size) = size {
        receipt.insert("installed_size".to_owned(), size.into());
    }
}

/// Munki 7 takes whole numbers only, Munki 6 what is before the point.
fn kilobytes(text: &str, compat: Compat) -> Option<i64> {
    match compat {
        Compat::Munki7 => text.parse().ok(),
        Compat::Munki6 => {
            let number: f64 = text.trim().parse().ok()?;
            format!("{:.0}", number.trunc()).parse().ok()
        }
    }
}

/// Adds what a distribution says.
fn distribution(document: &Document<'_>, compat: Compat, facts: &mut PackageFacts) {
    facts.product_version = named(document, "product")
        .next()
        .and_then(|product| product.attribute("version"))
        .filter(|version| !version.is_empty())
        .map(str::to_owned);
    facts.minimum_os = minimum_os(document, compat);
    for reference in named(document, "pkg-ref") {
        let conclusion = reference.attribute("onConclusion").unwrap_or_default();
        facts.restart = facts.restart.max(Restart::of_conclusion(conclusion));
    }
    if facts.receipts.is_empty() {
        facts.receipts = references(document, compat);
    }
}

/// The highest of the lowest versions that are allowed.
fn minimum_os(document: &Document<'_>, compat: Compat) -> Option<String> {
    let check = named(document, "volume-check").next()?;
    let allowed = check
        .children()
        .find(|child| child.has_tag_name("allowed-os-versions"))?;
    let versions = allowed
        .children()
        .filter(|child| child.has_tag_name("os-version"))
        .filter_map(|version| version.attribute("min"))
        .filter(|version| !version.is_empty());
    newest(versions, compat).map(str::to_owned)
}

/// The receipts of a distribution's packages, in the order in which they are first named.
fn references(document: &Document<'_>, compat: Compat) -> Vec<Dict> {
    let mut merged: indexmap::IndexMap<&str, (Dict, bool)> = indexmap::IndexMap::new();
    for reference in named(document, "pkg-ref") {
        let Some(id) = reference.attribute("id") else {
            continue;
        };
        let (receipt, has_file) = merged.entry(id).or_default();
        receipt.insert("packageid".to_owned(), id.into());
        if let Some(version) = reference.attribute("version") {
            receipt.insert("version".to_owned(), version.into());
        }
        insert_size(receipt, &reference, compat);
        *has_file |= reference.children().any(|child| {
            child.is_text() && child.text().is_some_and(|text| !text.trim().is_empty())
        });
    }
    merged
        .into_values()
        .filter(|(receipt, has_file)| {
            receipt.contains_key("version") && (*has_file || compat == Compat::Munki6)
        })
        .map(|(receipt, _)| receipt)
        .collect()
}

fn named<'a, 'input>(
    document: &'a Document<'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    document
        .descendants()
        .filter(move |node| node.has_tag_name(name))
}

/// The receipts that the distribution file of a metapackage names.
///
/// # Errors
/// If it cannot be parsed.
pub(crate) fn distribution_receipts(
    bytes: &[u8],
    path: &str,
    item: &str,
    compat: Compat,
) -> Result<Vec<Dict>, PkginfoError> {
    let text = decode(bytes);
    Ok(references(&parse(&text, path, item)?, compat))
}

/// How much the receipts say is installed, in KiB.
pub(crate) fn installed_size(receipts: &[Dict]) -> i64 {
    receipts
        .iter()
        .filter_map(|receipt| receipt.get("installed_size").and_then(Value::as_i64))
        .fold(0, i64::saturating_add)
}
