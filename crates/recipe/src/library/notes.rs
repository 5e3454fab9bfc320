//! What one process notes of recipe files for the next one: a file of lines, whose first one has the digest of the rest.
//!
//! Whatever is wrong with it is a reason to read the recipes, and none to fail. What a note says counts as long as its
//! file or folder has the same stamp, and a recipe that is run is read in any case.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt::Write as _,
    io::{self, Read as _},
    ops::Range,
    path::Path,
    sync::{Arc, OnceLock},
};

use model::Sha256;

use super::{
    files::{Header, Heard},
    listing::{Entry, Listing},
    stamp::Stamp,
};

/// What the file begins with; the number changes with what is noted.
const TITLE: &str = "auto-update recipes 2 ";

/// All public recipes there are take four megabytes.
const MOST_BYTES: u64 = 64 << 20;

/// What is known of folders of recipes.
#[derive(Debug, Default)]
pub(super) struct Notes {
    text: String,
    /// In the order of their paths.
    folders: Vec<Part>,
}

/// What is known of one folder: it is taken out of the text when somebody asks for it, which several threads do at once.
#[derive(Debug)]
struct Part {
    /// Where in the text its path stands.
    dir: Range<usize>,
    /// Where what is noted of it stands.
    range: Range<usize>,
    noted: OnceLock<Option<Noted>>,
}

/// What is noted of one folder.
#[derive(Debug)]
pub(super) struct Noted {
    stamp: Stamp,
    listing: Arc<Listing>,
    /// What each entry of the listing says, if that is known.
    headers: Vec<Option<(Stamp, Heard)>>,
}

impl Notes {
    /// Reads the notes at `path`; nothing if there are none, or they are damaged or of another version.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let file = fs_err::File::open(path).ok()?;
        let mut text = String::new();
        let len_bytes = file.metadata().ok()?.len().min(MOST_BYTES);
        text.reserve(usize::try_from(len_bytes).ok()?);
        file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        let (first, rest) = text.split_once('\n')?;
        let digest: Sha256 = first.strip_prefix(TITLE)?.parse().ok()?;
        if Sha256::of(rest.as_bytes()) != digest {
            return None;
        }
        let start = first.len().checked_add(1)?;
        Self::parse(text, start)
    }

    /// What the text says from `at` on.
    fn parse(text: String, mut at: usize) -> Option<Self> {
        let mut folders = Vec::new();
        while let Some((line, _)) = text.get(at..)?.split_once('\n') {
            let (len, dir) = line.strip_prefix("in\t")?.split_once('\t')?;
            let line_end = at.checked_add(line.len())?;
            let start = line_end.checked_add(1)?;
            at = start.checked_add(len.parse().ok()?)?;
            folders.push(Part {
                dir: line_end.checked_sub(dir.len())?..line_end,
                range: start..at,
                noted: OnceLock::new(),
            });
        }
        Some(Self { text, folders })
    }

    /// What is noted of the folder `dir`.
    pub(super) fn folder(&self, dir: &Path) -> Option<&Noted> {
        let dir = dir.to_str()?;
        let order = |part: &Part| self.text.get(part.dir.clone()).cmp(&Some(dir));
        let position = self.folders.binary_search_by(order).ok()?;
        let part = self.folders.get(position)?;
        let read = || Noted::parse(self.text.get(part.range.clone())?);
        part.noted.get_or_init(read).as_ref()
    }

    /// What is noted of the file at `path`.
    pub(super) fn header(&self, path: &Path) -> Option<&(Stamp, Heard)> {
        self.folder(path.parent()?)?.header(path.file_name()?, 0)
    }

    /// What lies in the folder `dir`, if it still has `stamp`.
    pub(super) fn listing(&self, dir: &Path, stamp: Stamp) -> Option<Arc<Listing>> {
        let noted = self.folder(dir).filter(|noted| noted.stamp == stamp)?;
        Some(Arc::clone(&noted.listing))
    }
}

/// What is about to be noted, by the paths of folders. A folder whose path fits on no line is left out.
#[derive(Debug, Default)]
pub(super) struct Notebook(BTreeMap<String, Noted>);

impl Notebook {
    /// Notes a folder, and what the files in it say.
    pub(super) fn add(
        &mut self,
        dir: &Path,
        stamp: Stamp,
        listing: &Arc<Listing>,
        header: impl Fn(&Path) -> Option<(Stamp, Heard)>,
    ) {
        let Some(name) = plain(dir.to_str()) else {
            return;
        };
        let entries = listing.0.iter();
        let headers = entries.map(|entry| {
            let is_file = !entry.is_folder;
            is_file.then(|| header(&dir.join(&entry.name))).flatten()
        });
        let noted = Noted {
            stamp,
            headers: headers.collect(),
            listing: Arc::clone(listing),
        };
        self.0.insert(name.to_owned(), noted);
    }

    /// Keeps what is noted of other folders, if they are still there.
    pub(super) fn take_over(&mut self, notes: &Notes) {
        let dirs = notes.folders.iter();
        for dir in dirs.filter_map(|part| notes.text.get(part.dir.clone())) {
            let path = Path::new(dir);
            if !self.0.contains_key(dir)
                && path.is_dir()
                && let Some(noted) = notes.folder(path)
            {
                let header = |path: &Path| notes.header(path).cloned();
                self.add(path, noted.stamp, &noted.listing, header);
            }
        }
    }

    /// Writes it in one piece.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let text = self.text();
        let digest = Sha256::of(text.as_bytes());
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        fs_err::write(&beside, format!("{TITLE}{digest}\n{text}"))
            .and_then(|()| fs_err::rename(&beside, path))
            .inspect_err(|_failed| fs_err::remove_file(&beside).unwrap_or_default())
    }

    /// A line for each folder, which says how many bytes follow that are about it: its stamp, and a line for each name
    /// in it. A folder with names that do not fit on a line is left out.
    fn text(&self) -> String {
        let mut text = String::new();
        for (dir, noted) in &self.0 {
            if let Some(noted) = noted.text() {
                // A text takes whatever is written to it.
                writeln!(text, "in\t{}\t{dir}", noted.len()).unwrap_or_default();
                text.push_str(&noted);
            }
        }
        text
    }
}

impl Noted {
    /// What is noted of the file `name`, which is `near` there in the listing.
    pub(super) fn header(&self, name: &OsStr, near: usize) -> Option<&(Stamp, Heard)> {
        let is_it = |entry: &Entry| entry.name == name;
        let position = if self.listing.0.get(near).is_some_and(is_it) {
            near
        } else {
            self.listing.position(name)?
        };
        self.headers.get(position)?.as_ref()
    }

    /// Nothing if a name does not fit on a line.
    fn text(&self) -> Option<String> {
        let mut text = format!("{}\n", self.stamp);
        for (entry, header) in self.listing.0.iter().zip(&self.headers) {
            text.push_str(&line_of(entry, header.as_ref())?);
            text.push('\n');
        }
        Some(text)
    }

    fn parse(text: &str) -> Option<Self> {
        let (stamp, entries) = text.split_once('\n')?;
        let noted: Option<Vec<_>> = entries.lines().map(entry_of).collect();
        let (entries, headers) = noted?.into_iter().unzip();
        Some(Self {
            stamp: Stamp::parse(stamp)?,
            listing: Arc::new(Listing(entries)),
            headers,
        })
    }
}

/// The line of one name; none if it does not fit on one.
fn line_of(entry: &Entry, header: Option<&(Stamp, Heard)>) -> Option<String> {
    let name = plain(entry.name.to_str())?;
    if entry.is_folder {
        return Some(format!("folder\t{name}"));
    }
    let says = header.and_then(|(stamp, heard)| match heard {
        Ok(header) => {
            let or_none = |text: &Option<String>| match text {
                Some(text) => plain(Some(text)).map(|text| format!("={text}")),
                None => Some(String::new()),
            };
            let (identifier, parent) = (or_none(&header.identifier)?, or_none(&header.parent)?);
            let valid = u8::from(header.is_valid) + 2 * u8::from(header.is_valid_override);
            Some(format!(
                "says\t{name}\t{stamp}\t{valid}\t{identifier}\t{parent}"
            ))
        }
        Err(why) => Some(format!("bad\t{name}\t{stamp}\t{}", plain(Some(why))?)),
    });
    Some(says.unwrap_or_else(|| format!("file\t{name}")))
}

/// What [`line_of`] wrote.
fn entry_of(line: &str) -> Option<(Entry, Option<(Stamp, Heard)>)> {
    let mut parts = line.split('\t');
    let (kind, name) = (parts.next()?, parts.next()?);
    let heard = match kind {
        "folder" | "file" => None,
        "says" => {
            let (stamp, valid) = (Stamp::parse(parts.next()?)?, parts.next()?);
            let mut or_none = || Some(parts.next()?.strip_prefix('=').map(str::to_owned));
            let header = Header {
                identifier: or_none()?,
                parent: or_none()?,
                is_valid: matches!(valid, "1" | "3"),
                is_valid_override: matches!(valid, "2" | "3"),
            };
            Some((stamp, Ok(Arc::new(header))))
        }
        "bad" => Some((Stamp::parse(parts.next()?)?, Err(parts.next()?.to_owned()))),
        _ => return None,
    };
    let entry = Entry {
        name: name.into(),
        is_folder: kind == "folder",
    };
    parts.next().is_none().then_some((entry, heard))
}

/// The text, if it fits between tabs on a line.
fn plain(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.contains(['\t', '\n', '\r']))
}
