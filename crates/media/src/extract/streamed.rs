//! Extraction of an archive while it is read from front to back.

use std::{
    collections::BTreeMap,
    io::{BufRead, Read, Write as _},
    path::Path,
};

use wire::Budget;

use super::{
    folder::{Folder, finish},
    writer::{Extracted, TWINS_FOLDER},
};
use crate::{
    Entry, Kind, MediaError,
    archive::Index,
    codec::ReadAhead,
    cpio::{Stream, Streamed},
    path,
};

/// Makes the folder `dest` a copy of what the archive holds, as the archive is read; none if it has members that have
/// to do with each other, so that all of them must be known before any is written. What was written before that is
/// found to be so is no more than what the whole archive makes, too.
///
/// # Errors
/// Damage, or if the host cannot be written, or `budget` is spent. What was written before stays.
pub(super) fn extract(
    archive: Box<dyn Read + Send>,
    dest: &Path,
    budget: &mut Budget,
) -> Result<Option<Extracted>, MediaError> {
    let archive = ReadAhead::new(archive).map_err(MediaError::content("the archive"))?;
    let mut members = Stream::new(archive);
    let mut attempt = budget.clone();
    let mut extraction = Extraction {
        known: Index::new("cpio archive"),
        entries: Budget::for_medium("cpio archive"),
        folders: BTreeMap::from([(String::new(), Entry::folder(String::new()))]),
        way: vec![(String::new(), Folder::create(dest)?)],
        done: Extracted::default(),
        budget: &mut attempt,
    };
    while let Some(member) = members.next()? {
        let Some(entry) = &member.entry else {
            extraction.entries.spend_entry()?;
            continue;
        };
        if extraction.is_concerned_with_others(&member, entry) {
            return Ok(None);
        }
        extraction.member(entry, &mut members)?;
    }
    members.finish()?;
    let done = extraction.finish()?;
    *budget = attempt;
    Ok(Some(done))
}

struct Extraction<'a> {
    known: Index<()>,
    /// How many members there may be, whatever becomes of them.
    entries: Budget,
    /// All folders, those that no member names included: they get their times when nothing is put into them any more.
    folders: BTreeMap<String, Entry>,
    /// The folder that was written to last, and all on the way to it.
    way: Vec<(String, Folder)>,
    done: Extracted,
    budget: &'a mut Budget,
}

impl Extraction<'_> {
    /// Whether a member takes the place of another one, may be the twin of one, or shares its contents.
    fn is_concerned_with_others(&self, member: &Streamed, entry: &Entry) -> bool {
        let may_be_twin = entry.name().starts_with("._") || entry.path == TWINS_FOLDER;
        let is_known = matches!(self.known.any_member(&entry.path), Ok(Some(())));
        member.is_shared || may_be_twin || is_known
    }

    fn member<R: BufRead>(
        &mut self,
        entry: &Entry,
        members: &mut Stream<R>,
    ) -> Result<(), MediaError> {
        self.known.add(entry.clone(), Some(()), &mut self.entries)?;
        let (parent, name) = path::split(&entry.path);
        match &entry.kind {
            Kind::Folder => {
                self.folder(&entry.path)?;
                self.folders.insert(entry.path.clone(), entry.clone());
            }
            Kind::File { .. } => {
                self.budget.spend_entry()?;
                self.file(entry, members)?;
            }
            Kind::Link { target } => {
                self.budget.spend_entry()?;
                self.folder(parent)?.link(name, target, entry.modified)?;
                self.done.links = self.done.links.saturating_add(1);
            }
        }
        Ok(())
    }

    fn file<R: BufRead>(
        &mut self,
        entry: &Entry,
        members: &mut Stream<R>,
    ) -> Result<(), MediaError> {
        let (parent, name) = path::split(&entry.path);
        let folder = self.folder(parent)?;
        let mut file = folder.file(name)?;
        let to = folder.path_of(name);
        let failed = MediaError::host(&to);
        let bytes = members.contents(|bytes| {
            self.budget.spend_bytes(bytes.len() as u64)?;
            file.write_all(bytes).map_err(&failed)
        })?;
        let mode = entry.mode & 0o777 | 0o400;
        finish(&file, mode, entry.modified).map_err(|error| failed(error.into()))?;
        self.done.files = self.done.files.saturating_add(1);
        self.done.bytes = self.done.bytes.saturating_add(bytes);
        Ok(())
    }

    /// The folder at `path`, which is made with all that it lies in.
    fn folder(&mut self, path: &str) -> Result<&Folder, MediaError> {
        let on_the_way = |folder: &str| {
            let below = path.strip_prefix(folder);
            below.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        self.way.retain(|(folder, _)| on_the_way(folder));
        let known = self.way.last().map_or(0, |(folder, _)| folder.len());
        let rest = path.get(known..).unwrap_or_default();
        for name in rest.split('/').filter(|name| !name.is_empty()) {
            self.step(name)?;
        }
        let last = self.way.last();
        last.map(|(_, folder)| folder)
            .ok_or_else(|| MediaError::NotFound {
                path: path.to_owned(),
            })
    }

    /// Goes on into the folder `name`.
    fn step(&mut self, name: &str) -> Result<(), MediaError> {
        let Some((parent, folder)) = self.way.last() else {
            return Ok(());
        };
        let path = path::join(parent, name);
        let next = folder.folder(name)?;
        if !self.folders.contains_key(&path) {
            self.budget.spend_entry()?;
            let entry = Entry::folder(path.clone());
            self.folders.insert(path.clone(), entry);
        }
        self.way.push((path, next));
        Ok(())
    }

    /// Gives the folders their permissions and times.
    fn finish(mut self) -> Result<Extracted, MediaError> {
        let folders = self.folders.clone();
        for (path, entry) in &folders {
            let folder = self.folder(path)?;
            folder.finish(entry.mode & 0o777 | 0o700, entry.modified)?;
        }
        let mut done = self.done;
        // The outermost is not counted.
        done.folders = (folders.len() as u64).saturating_sub(1);
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, sync::Arc};

    use flate2::{Compression, write::GzEncoder};
    use tempfile::TempDir;

    use super::*;
    use crate::{
        Attributes, HostTree, Tree,
        extract::extract_within,
        look_into, open_source,
        samples::{self, Sample},
        walk,
        write::{Package, flat_pkg},
    };

    fn zipped(archive: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(archive).unwrap();
        encoder.finish().unwrap()
    }

    fn open(medium: Vec<u8>) -> Arc<dyn Tree> {
        open_source(Arc::new(medium), &Budget::for_medium("sample")).unwrap()
    }

    /// What is there afterwards, with modes and those times that are the archive's.
    fn extracted(tree: &dyn Tree) -> (Extracted, Vec<Entry>, u64) {
        let house = TempDir::new().unwrap();
        let dest = house.path().join("dest");
        let mut budget = Budget::for_medium("extraction");
        let done = extract_within(tree, "", &dest, Attributes::Keep, &mut budget).unwrap();
        let mut entries = walk(&HostTree::new(&dest).unwrap(), "").unwrap();
        for entry in &mut entries {
            let time = entry.modified.take();
            entry.modified = time.filter(|time| time.as_secs() == 1_600_000_000);
        }
        (done, entries, budget.bytes_left())
    }

    const APP: [(&str, Sample<'static>); 7] = [
        (".", Sample::Folder(0o755)),
        ("./App.app/run", Sample::File(0o4555, b"#!")),
        ("./App.app/a/b/c", Sample::File(0o644, &[7; 700_000])),
        ("./App.app/link", Sample::Link("/etc/passwd")),
        ("./App.app/a", Sample::Folder(0o500)),
        ("./App.app/a.txt", Sample::File(0o600, b"")),
        ("./App.app/a/late", Sample::File(0o644, b"late")),
    ];

    #[test]
    fn makes_the_same_as_from_an_archive_that_is_known_as_a_whole() {
        let mut twin = vec![0, 5, 0x16, 7, 0, 2, 0, 0];
        twin.resize(26, 0);
        for more in [
            &[][..],
            &[("./App.app/._run", Sample::File(0o644, &twin))],
            &[("./App.app/run", Sample::File(0o644, b"another"))],
            &[("./App.app/a.txt", Sample::Folder(0o755))],
        ] {
            let archive = samples::cpio(&[&APP[..], more].concat());
            let tree = open(zipped(&archive));
            assert!(tree.front_to_back("").is_some());
            let expected = extracted(&*open(archive));
            assert_eq!(extracted(&*tree), expected, "{more:?}");
            assert_eq!(tree.front_to_back("").is_some(), more.is_empty());
            assert!(walk(&*tree, "").unwrap().len() >= expected.1.len());
            assert!(tree.front_to_back("").is_none(), "it is spooled already");
        }
    }

    #[test]
    fn damage_is_an_error_wherever_it_is() {
        let archive = samples::cpio(&APP);
        let stream = zipped(&archive);
        let fails = |medium: Vec<u8>| {
            let house = TempDir::new().unwrap();
            let opened = open_source(Arc::new(medium), &Budget::for_medium("sample"));
            opened.is_err() || crate::extract(&*opened.unwrap(), "", house.path()).is_err()
        };
        for len in (20..stream.len()).step_by(61) {
            assert!(fails(stream[..len].to_vec()), "cut to {len}");
        }
        let mut damaged = stream.clone();
        let checksum = damaged.len() - 6;
        damaged[checksum] ^= 1;
        assert!(fails(damaged), "the checksum at the very end");
        for len in (6..archive.len() - 1).step_by(9_973) {
            assert!(fails(zipped(&archive[..len])), "the archive cut to {len}");
        }
        for (name, member) in [
            ("../x", Sample::File(0o644, b"")),
            ("App.app/run/x", Sample::File(0o644, b"")),
            ("App.app", Sample::File(0o644, b"")),
            (".", Sample::File(0o644, b"")),
            ("./.", Sample::Link("/tmp")),
        ] {
            let members = [&APP[..], &[(name, member)]].concat();
            assert!(fails(zipped(&samples::cpio(&members))), "{name}");
        }
    }

    #[test]
    fn nothing_takes_the_place_of_the_destination() {
        for member in [Sample::Link("/tmp"), Sample::File(0o644, b"text")] {
            let tree = open(zipped(&samples::cpio(&[("./.", member)])));
            assert!(tree.front_to_back("").is_some());
            let house = TempDir::new().unwrap();
            let dest = house.path().join("dest");
            let error = crate::extract(&*tree, "", &dest).unwrap_err();
            assert!(matches!(error, MediaError::Escapes { .. }), "{error}");
            assert!(fs_err::symlink_metadata(&dest).unwrap().is_dir());
        }
    }

    #[test]
    fn what_is_inflated_at_once_must_have_its_digest_all_the_same() {
        let house = TempDir::new().unwrap();
        let folder = house.path().join("folder");
        fs_err::create_dir(&folder).unwrap();
        fs_err::write(folder.join("file"), "contents").unwrap();
        let package = Package {
            identifier: "com.example.sample",
            version: "1",
            install_location: "/",
            postinstall_action: "none",
            scripts: None,
            owners: &[],
        };
        let path = house.path().join("sample.pkg");
        flat_pkg(&folder, &package, &path).unwrap();
        let payload = || look_into(&path.join("Payload")).unwrap().tree;
        let dest = house.path().join("dest");
        assert!(payload().front_to_back("").is_some());
        assert_eq!(crate::extract(&*payload(), "", &dest).unwrap().files, 1);
        assert_eq!(walk(&*payload(), "").unwrap().len(), 1);

        // The time in the head of the stream, which nothing in the stream itself protects.
        let mut bytes = fs_err::read(&path).unwrap();
        let head = bytes
            .windows(4)
            .rposition(|head| head == [0x1f, 0x8b, 8, 0]);
        bytes[head.unwrap() + 4] ^= 1;
        fs_err::write(&path, bytes).unwrap();
        let found = [
            crate::extract(&*payload(), "", &dest).map(|_| ()),
            walk(&*payload(), "").map(|_| ()),
        ];
        for found in found {
            let error = found.unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            assert!(
                cause.is_some_and(|cause| cause.contains("digest")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_budget_ends_it() {
        let tree = open(zipped(&samples::cpio(&APP)));
        let house = TempDir::new().unwrap();
        for (bytes, entries) in [(700_005, 100), (1 << 20, 7)] {
            let mut budget = Budget::new("extraction", bytes, entries, 1);
            let attributes = Attributes::Keep;
            assert!(extract_within(&*tree, "", house.path(), attributes, &mut budget).is_err());
        }
        let mut budget = Budget::new("extraction", 700_006, 8, 1);
        extract_within(&*tree, "", house.path(), Attributes::Keep, &mut budget).unwrap();
        assert_eq!(budget.bytes_left(), 0);
    }
}
