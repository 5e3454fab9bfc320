//! Fields of the table of contents.

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use roxmltree::Node;
use wire::ParseError;

pub(super) const STRUCTURE: &str = "xar table of contents";

/// What is wrong at `node`.
pub(super) fn invalid(node: Node<'_, '_>, what: impl Into<String>) -> ParseError {
    ParseError::Invalid {
        structure: STRUCTURE,
        what: what.into(),
        offset: node.range().start as u64,
    }
}

/// The child elements of that name.
pub(super) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children()
        .filter(move |child| child.tag_name().name() == name)
}

/// The only child element of that name, if there is one. It may be repeated, as Apple's tools do, but only word by
/// word: readers that take the first and readers that take the last must see the same.
pub(super) fn child<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> Result<Option<Node<'a, 'input>>, ParseError> {
    let mut found = children(node, name);
    let first = found.next();
    let Some(kept) = first else { return Ok(None) };
    for other in found {
        if other.text() != kept.text() || other.attributes().ne(kept.attributes()) {
            return Err(invalid(
                other,
                format!("another <{name}> that says something else"),
            ));
        }
    }
    Ok(first)
}

/// The text of the only child of that name.
pub(super) fn text<'a>(
    node: Node<'a, '_>,
    name: &'static str,
) -> Result<Option<&'a str>, ParseError> {
    Ok(child(node, name)?
        .and_then(|child| child.text())
        .map(str::trim))
}

/// The number that is the only child of that name.
pub(super) fn number<T: FromStr>(
    node: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<T>, ParseError> {
    let Some(text) = text(node, name)? else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(invalid(node, format!("<{name}> is `{text}`, not a number"))),
    }
}

/// The number that must be there.
pub(super) fn required<T: FromStr>(
    node: Node<'_, '_>,
    name: &'static str,
) -> Result<T, ParseError> {
    number(node, name)?.ok_or_else(|| invalid(node, format!("no <{name}>")))
}

/// The bytes that base64 text stands for; white space is passed over.
pub(super) fn base64(node: Node<'_, '_>) -> Result<Vec<u8>, ParseError> {
    let digits: String = node
        .text()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    match BASE64_STANDARD.decode(digits) {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(invalid(node, error.to_string().to_lowercase())),
    }
}
