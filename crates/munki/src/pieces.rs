//! Catalogs whose bytes lie together as they were made, once, however many catalogs an item is in.

use std::ops::Range;

use indexmap::IndexMap;

use crate::{Head, Report};

/// The catalog of everything.
pub(crate) const ALL: &str = "all";

const HEADER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
    <plist version=\"1.0\">\n";
const BEGIN: &str = "<array>\n";
const END: &str = "</array>\n</plist>\n";
const NOTHING: &str = "<array/>\n</plist>\n";

/// The catalogs of a repository.
///
/// An item's bytes are kept once; what has been in an earlier `all` is not even copied.
#[derive(Clone, Debug, Default)]
pub struct Catalogs<'k> {
    /// The earlier `all`.
    known: &'k [u8],
    /// Items that are not in it, one after the other.
    new: String,
    /// Where the bytes of each listed item are.
    fragments: Vec<Fragment>,
    /// Which of the listed items are in each catalog, in the order in which catalogs first occur.
    names: IndexMap<String, Vec<usize>>,
    listed: Vec<Listed<'k>>,
    /// What there was to say.
    pub report: Report,
}

/// A pkginfo that `all` lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed<'k> {
    /// Where it is, relative to `pkgsinfo/`.
    pub path: String,
    /// What decided so, if it can be told apart from the rest.
    pub head: Option<Head<'k>>,
    /// Where it stands in the bytes of `all`.
    pub range: Range<usize>,
}

/// Bytes of an item, or of several that lie together.
#[derive(Clone, Debug)]
struct Fragment {
    is_known: bool,
    range: Range<usize>,
}

impl Fragment {
    /// The bytes of both, if `next` follows in the same place.
    fn joined(&self, next: &Self) -> Option<Self> {
        let follows = self.is_known == next.is_known && self.range.end == next.range.start;
        follows.then_some(Self {
            is_known: self.is_known,
            range: self.range.start..next.range.end,
        })
    }
}

impl<'k> Catalogs<'k> {
    /// No items yet, some of which will be taken from an earlier `all`.
    pub(crate) fn new(known: &'k [u8]) -> Self {
        Self {
            known,
            names: IndexMap::from([(ALL.to_owned(), Vec::new())]),
            ..Self::default()
        }
    }

    /// Their names, in the order in which they first occur; `all` is the first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Whether there is a catalog of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// What `all` lists, in this order.
    pub fn listed(&self) -> &[Listed<'k>] {
        &self.listed
    }

    /// The bytes of the pkginfo at this place of [`Self::listed`]; none if there are not so many.
    pub fn listed_bytes(&self, number: usize) -> &[u8] {
        let fragment = self.fragments.get(number);
        fragment.map_or(&[], |fragment| self.bytes_of(fragment))
    }

    /// The bytes of the catalog of this name, in pieces; none if there is no such catalog.
    pub fn pieces(&self, name: &str) -> Vec<&[u8]> {
        let Some(items) = self.names.get(name) else {
            return Vec::new();
        };
        if items.is_empty() {
            return vec![HEADER.as_bytes(), NOTHING.as_bytes()];
        }
        let mut pieces = vec![HEADER.as_bytes(), BEGIN.as_bytes()];
        let mut run: Option<Fragment> = None;
        for fragment in items.iter().filter_map(|item| self.fragments.get(*item)) {
            match run.as_ref().and_then(|run| run.joined(fragment)) {
                Some(longer) => run = Some(longer),
                None => pieces.extend(run.replace(fragment.clone()).map(|run| self.bytes_of(&run))),
            }
        }
        pieces.extend(run.map(|run| self.bytes_of(&run)));
        pieces.push(END.as_bytes());
        pieces
    }

    fn bytes_of(&self, fragment: &Fragment) -> &[u8] {
        let text = if fragment.is_known {
            self.known
        } else {
            self.new.as_bytes()
        };
        text.get(fragment.range.clone()).unwrap_or_default()
    }

    /// Where the bytes of items go that are not known.
    pub(crate) const fn new_text(&mut self) -> &mut String {
        &mut self.new
    }

    /// Lists an item whose bytes were appended to [`Self::new_text`] from `start` on.
    pub(crate) fn list_new(&mut self, path: &str, head: Option<Head<'k>>, start: usize) {
        let range = start..self.new.len();
        self.list(
            path,
            head,
            Fragment {
                is_known: false,
                range,
            },
        );
    }

    /// Lists an item whose bytes are in the earlier `all`.
    pub(crate) fn list_known(&mut self, path: &str, head: Head<'k>, range: Range<usize>) {
        let fragment = Fragment {
            is_known: true,
            range,
        };
        self.list(path, Some(head), fragment);
    }

    fn list(&mut self, path: &str, head: Option<Head<'k>>, fragment: Fragment) {
        let before = HEADER.len().saturating_add(BEGIN.len());
        let start = self.listed.last().map_or(before, |last| last.range.end);
        let end = start.saturating_add(fragment.range.len());
        self.fragments.push(fragment);
        self.listed.push(Listed {
            path: path.to_owned(),
            head,
            range: start..end,
        });
        self.put_into(ALL);
    }

    /// Puts what was listed last into the catalog of this name.
    pub(crate) fn put_into(&mut self, name: &str) {
        let last = self.listed.len().saturating_sub(1);
        if let Some(items) = self.names.get_mut(name) {
            items.push(last);
        } else {
            self.names.insert(name.to_owned(), vec![last]);
        }
    }
}
