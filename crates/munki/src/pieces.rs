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
    /// Items that are not in it, one after the other in each of these.
    new: Vec<String>,
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
pub(crate) struct Fragment {
    lies: Lies,
    range: Range<usize>,
}

/// In which text bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lies {
    /// In the earlier `all`.
    Known,
    /// In the new text of this number.
    New(usize),
}

impl Fragment {
    /// Bytes in the new text of this number.
    pub(crate) const fn new(text: usize, range: Range<usize>) -> Self {
        let lies = Lies::New(text);
        Self { lies, range }
    }

    /// The bytes of both, if `next` follows in the same place.
    fn joined(&self, next: &Self) -> Option<Self> {
        let follows = self.lies == next.lies && self.range.end == next.range.start;
        follows.then_some(Self {
            lies: self.lies,
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
        let text = match fragment.lies {
            Lies::Known => self.known,
            Lies::New(number) => self
                .new
                .get(number)
                .map(String::as_bytes)
                .unwrap_or_default(),
        };
        text.get(fragment.range.clone()).unwrap_or_default()
    }

    /// Takes a text in which items are, and answers its number.
    pub(crate) fn add_text(&mut self, text: String) -> usize {
        self.new.push(text);
        self.new.len().saturating_sub(1)
    }

    /// Has `write` add to the text that was added last; answers what it wrote, and what it answered.
    pub(crate) fn write<T>(&mut self, write: impl FnOnce(&mut String) -> T) -> (Fragment, T) {
        let mut text = self.new.pop().unwrap_or_default();
        let start = text.len();
        let answer = write(&mut text);
        let range = start..text.len();
        (Fragment::new(self.add_text(text), range), answer)
    }

    /// Lists an item whose bytes are in the earlier `all`.
    pub(crate) fn list_known(&mut self, path: &str, head: Head<'k>, range: Range<usize>) {
        let lies = Lies::Known;
        self.list(path, Some(head), Fragment { lies, range });
    }

    /// Lists an item whose bytes are there.
    pub(crate) fn list(&mut self, path: &str, head: Option<Head<'k>>, fragment: Fragment) {
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
