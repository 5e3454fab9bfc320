//! What one process notes of recipe files for the next one: a file of lines, whose first one has the digest of the rest.
//!
//! Whatever is wrong with it is a reason to read the recipes, and none to fail. What a note says counts as long as its
//! file or folder has the same stamp, and a recipe that is run is read in any case.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use model::Sha256;

use super::{
    files::{Header, Heard},
    listing::{Entry, Listing},
    stamp::Stamp,
};

/// What the file begins with; the number changes with what is noted.
const TITLE: &str = "auto-update recipes 1 ";

/// All public recipes there are take four megabytes.
const MOST_BYTES: u64 = 64 << 20;

/// What is known of folders of recipes.
#[derive(Debug, Default)]
pub(super) struct Notes(HashMap<PathBuf, Noted>);

#[derive(Debug)]
struct Noted {
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
        file.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        let (first, rest) = text.split_once('\n')?;
        let digest: Sha256 = first.strip_prefix(TITLE)?.parse().ok()?;
        (Sha256::of(rest.as_bytes()) == digest)
            .then(|| Self::parse(rest))
            .flatten()
    }

    /// Writes them in one piece.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let text = self.text();
        let digest = Sha256::of(text.as_bytes());
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        fs_err::write(&beside, format!("{TITLE}{digest}\n{text}"))
            .and_then(|()| fs_err::rename(&beside, path))
            .inspect_err(|_failed| fs_err::remove_file(&beside).unwrap_or_default())
    }

    /// What is noted of the file at `path`, if it still has `stamp`.
    pub(super) fn header(&self, path: &Path, stamp: Stamp) -> Option<&Heard> {
        let (then, header) = self.any_header(path)?;
        (*then == stamp).then_some(header)
    }

    /// What is noted of the file at `path`.
    pub(super) fn any_header(&self, path: &Path) -> Option<&(Stamp, Heard)> {
        let noted = self.0.get(path.parent()?)?;
        let position = noted.listing.position(path.file_name()?)?;
        noted.headers.get(position)?.as_ref()
    }

    /// What lies in the folder `dir`, if it still has `stamp`.
    pub(super) fn listing(&self, dir: &Path, stamp: Stamp) -> Option<Arc<Listing>> {
        let noted = self.0.get(dir).filter(|noted| noted.stamp == stamp)?;
        Some(Arc::clone(&noted.listing))
    }

    /// Notes a folder, and what the files in it say.
    pub(super) fn add(
        &mut self,
        dir: &Path,
        stamp: Stamp,
        listing: &Arc<Listing>,
        header: impl Fn(&Path) -> Option<(Stamp, Heard)>,
    ) {
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
        self.0.insert(dir.to_owned(), noted);
    }

    /// Keeps what is noted of other folders, if they are still there.
    pub(super) fn take_over(&mut self, other: &Self) {
        for (dir, noted) in &other.0 {
            if !self.0.contains_key(dir) && dir.is_dir() {
                let header = |path: &Path| other.any_header(path).cloned();
                self.add(dir, noted.stamp, &noted.listing, header);
            }
        }
    }

    /// A line for each folder, and behind it one for each name in it. A folder with names that do not fit on a line is
    /// left out.
    fn text(&self) -> String {
        let mut text = String::new();
        for (dir, noted) in &self.0 {
            let entries = noted.listing.0.iter().zip(&noted.headers);
            let lines: Option<Vec<String>> = entries
                .map(|(entry, header)| line_of(entry, header.as_ref()))
                .collect();
            if let (Some(dir), Some(lines)) = (plain(dir.to_str()), lines) {
                // A text takes whatever is written to it.
                writeln!(text, "in\t{}\t{dir}", noted.stamp).unwrap_or_default();
                for line in lines {
                    writeln!(text, "{line}").unwrap_or_default();
                }
            }
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut folders = HashMap::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let (stamp, dir) = line.strip_prefix("in\t")?.split_once('\t')?;
            let (mut entries, mut headers) = (Vec::new(), Vec::new());
            while let Some(line) = lines.next_if(|line| !line.starts_with("in\t")) {
                let (entry, header) = entry_of(line)?;
                entries.push(entry);
                headers.push(header);
            }
            let noted = Noted {
                stamp: Stamp::parse(stamp)?,
                listing: Arc::new(Listing(entries)),
                headers,
            };
            folders.insert(PathBuf::from(dir), noted);
        }
        Some(Self(folders))
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
            Some((stamp, Ok(header)))
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
