//! Where symbolic links of a bundle may lead: to what is sealed, here or around it, or into the system.
//!
//! # Source
//! `SecStaticCode::validateSymlinkResource` and `ResourceBuilder::includes` in Apple's open Security sources.

use media::{Kind, Tree};

use super::{
    Layout,
    layout::entry,
    rules::{Rules, Treatment},
};
use crate::flaw::Flaw;

const MAX_LINKS: usize = 40;

/// Where links may lead out of a bundle, if they say so themselves.
const SYSTEM: [&str; 2] = ["/System/", "/Library/"];

/// What is sealed by one list of resources, and the bundle around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) layout: &'a Layout,
    pub(super) rules: &'a Rules,
    pub(super) outer: Option<&'a Self>,
}

impl Scope<'_> {
    /// Whether the link at `path` with that target leads to where it may. A link that leads nowhere does not.
    pub(super) fn allows(&self, tree: &dyn Tree, path: &str, target: &str) -> Result<bool, Flaw> {
        if target.starts_with('/') {
            let climbs = target.split('/').any(|part| part == "..");
            return Ok(!climbs && SYSTEM.iter().any(|place| target.starts_with(place)));
        }
        let Some(resolved) = resolve(tree, path, target)? else {
            return Ok(false);
        };
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some(relative) = here.relative(&resolved) {
                return Ok(here.includes(relative, &resolved));
            }
            scope = here.outer;
        }
        Ok(false)
    }

    fn relative<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.layout.sealed.as_str() {
            "" => Some(path),
            sealed if sealed == path => Some(""),
            sealed => path.strip_prefix(sealed)?.strip_prefix('/'),
        }
    }

    fn includes(&self, relative: &str, path: &str) -> bool {
        let first = relative.split('/').next().unwrap_or(relative);
        match first {
            "_CodeSignature" | "_MASReceipt" | "CodeResources" => false,
            _ if self.layout.program.as_deref() == Some(path) => true,
            _ => self.rules.treatment(relative) != Treatment::Omitted,
        }
    }
}

/// The path that is reached from the link at `path`; nothing if there is nothing, or it lies outside the tree.
fn resolve(tree: &dyn Tree, path: &str, target: &str) -> Result<Option<String>, Flaw> {
    let mut at: Vec<String> = path.split('/').map(str::to_owned).collect();
    at.pop();
    let mut left: Vec<String> = target.rsplit('/').map(str::to_owned).collect();
    let mut links: usize = 0;
    while let Some(part) = left.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => match at.pop() {
                Some(_) => continue,
                None => return Ok(None),
            },
            _ => at.push(part),
        }
        let Some(found) = entry(tree, &at.join("/"))? else {
            return Ok(None);
        };
        if let Kind::Link { target } = &found.kind {
            links = links.saturating_add(1);
            if links > MAX_LINKS || target.starts_with('/') {
                return Ok(None);
            }
            at.pop();
            left.extend(target.rsplit('/').map(str::to_owned));
        }
    }
    Ok(Some(at.join("/")))
}
