//! Digests that were made before, so that nothing that stayed as it was is hashed again.
//!
//! They lie beside the repository's catalog index, and may cost time, but not truth: they count only if their own checksum
//! holds, and of a file only if it looks as it did ([`Stamp`]), which whoever changes what is in it changes, too. For that
//! it must have been left alone for a while when it was hashed, since within less than that a change need not show.

use std::{collections::HashMap, fmt::Write as _};

use model::Sha256;

use super::metadata::Named;
use crate::{
    Backend, Kind, RepositoryError, Seen, Stamp,
    index::SETTLED_NS,
    noted::{noted, to_note},
};

/// Under which name they are kept.
pub(super) const NAME: &str = "tuf-digests";

/// What they begin with; it changes with their shape.
const SHAPE: &str = "tuf digests 1";

/// The digests of what is in a repository.
#[derive(Debug)]
pub(super) struct Digests<'a> {
    repository: &'a dyn Backend,
    /// A line for each file: its name, how it looked, and its digest, with tabs between.
    before: String,
    known: HashMap<String, (Stamp, Sha256)>,
    /// How long a file must have been left alone.
    settled_ns: i64,
    /// When hashing began by the clock that stamps are made by, once it has; long ago if that cannot be told.
    began: Option<i64>,
    /// The lines that are kept for the next time.
    lines: String,
    /// How many files were hashed.
    hashed: usize,
}

impl<'a> Digests<'a> {
    /// Those that are known from before.
    pub(super) fn of(repository: &'a dyn Backend) -> Self {
        // Where nothing has a stamp nothing was kept, and nobody is asked for it.
        let stamp = repository.own_stamp(NAME);
        let before = stamp.and_then(|_| noted(repository, NAME, SHAPE));
        let before = before.unwrap_or_default();
        Self {
            repository,
            known: before.lines().filter_map(known).collect(),
            before,
            settled_ns: SETTLED_NS,
            began: None,
            lines: String::new(),
            hashed: 0,
        }
    }

    /// The digest and length of what is there, if something is; `seen` is how it has just looked.
    pub(super) fn digest(
        &mut self,
        (kind, location): (Kind, &str),
        seen: Seen,
    ) -> Result<Option<Named>, RepositoryError> {
        let name = format!("{kind}/{location}");
        if let (Some(stamp), Some((before, sha256))) = (seen, self.known.get(&name).copied())
            && before == stamp
        {
            self.keep(&name, stamp, sha256);
            let len_bytes = stamp.len_bytes;
            return Ok(Some(Named { sha256, len_bytes }));
        }
        let settled = seen.filter(|stamp| self.has_settled(stamp));
        self.hashed = self.hashed.saturating_add(1);
        let found = self.repository.digest_and_len(kind, location)?;
        let found = found.map(|(sha256, len_bytes)| Named { sha256, len_bytes });
        if let (Some(stamp), Some(found)) = (settled, &found)
            && stamp.len_bytes == found.len_bytes
        {
            self.keep(&name, stamp, found.sha256);
        }
        Ok(found)
    }

    /// Whether what looks so was left alone for a while before anything was hashed.
    fn has_settled(&mut self, stamp: &Stamp) -> bool {
        let repository = self.repository;
        let began = *self.began.get_or_insert_with(|| {
            // Whatever is written now gets the time that it is now where the files are.
            let same = to_note(self.before.clone(), SHAPE);
            let noted = repository.note_own(NAME, &same).ok();
            let stamp = noted.and_then(|()| repository.own_stamp(NAME));
            stamp.map_or(i64::MIN, |stamp| stamp.changed_ns)
        });
        stamp.changed_ns.saturating_add(self.settled_ns) < began
    }

    fn keep(&mut self, name: &str, stamp: Stamp, sha256: Sha256) {
        if !name.chars().any(char::is_control) {
            // Text can always be written to.
            writeln!(self.lines, "{name}\t{stamp}\t{sha256}").unwrap_or_default();
        }
    }

    /// Keeps what was learned. That it cannot be kept costs time only, and is only logged.
    pub(super) fn note(self) {
        tracing::debug!(files = self.hashed, "hashed for update metadata");
        if self.lines == self.before {
            return;
        }
        let learned = to_note(self.lines, SHAPE);
        if let Err(error) = self.repository.note_own(NAME, &learned) {
            tracing::debug!(%error, "digests are not kept");
        }
    }
}

fn known(line: &str) -> Option<(String, (Stamp, Sha256))> {
    let mut fields = line.split('\t');
    let (name, stamp) = (fields.next()?, fields.next()?);
    let stamp = Stamp::read(&mut stamp.split(' '))?;
    Some((name.to_owned(), (stamp, fields.next()?.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{FolderRepository, Repository as _};

    const CATALOG: (Kind, &str) = (Kind::Catalogs, "testing");

    fn repository() -> (TempDir, FolderRepository) {
        let folder = tempfile::tempdir().unwrap();
        let repository = FolderRepository::create(folder.path()).unwrap();
        for (kind, location) in [CATALOG, (Kind::Manifests, "a/b"), (Kind::Manifests, "c")] {
            let contents = format!("{kind} {location} 1");
            repository.put(kind, location, contents.as_bytes()).unwrap();
        }
        (folder, repository)
    }

    /// What is found, and how many files were hashed for it, as if all had been left alone for long.
    fn found(repository: &FolderRepository) -> (Vec<(String, Named)>, usize) {
        let mut digests = Digests {
            settled_ns: i64::MIN,
            ..Digests::of(repository)
        };
        let mut found = Vec::new();
        for kind in [Kind::Catalogs, Kind::Manifests] {
            for (location, seen) in repository.list_stamped(kind).unwrap() {
                let named = digests.digest((kind, &location), seen).unwrap().unwrap();
                let bytes = repository.get(kind, &location).unwrap();
                assert_eq!(named, Named::of(&bytes), "{location}");
                found.push((location, named));
            }
        }
        let hashed = digests.hashed;
        digests.note();
        (found, hashed)
    }

    #[test]
    fn what_stayed_as_it_was_is_not_hashed_again() {
        let (_folder, repository) = repository();
        let (first, hashed) = found(&repository);
        assert_eq!((first.len(), hashed), (3, 3));
        assert_eq!(found(&repository), (first.clone(), 0));
        let (kind, location) = CATALOG;
        repository
            .put(kind, location, b"catalogs testing 2")
            .unwrap();
        let (second, hashed) = found(&repository);
        assert_eq!(hashed, 1);
        assert_ne!(second, first);
        repository.delete(kind, location).unwrap();
        assert_eq!(found(&repository).1, 0);
        repository
            .put(kind, location, b"catalogs testing 1")
            .unwrap();
        assert_eq!(found(&repository), (first, 1));
    }

    #[test]
    fn a_file_that_is_changed_in_place_is_hashed_again_whatever_its_times_say() {
        let (_folder, repository) = repository();
        found(&repository);
        let (kind, location) = CATALOG;
        let path = repository.path_for(kind, location).unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        let look = || repository.list_stamped(kind).unwrap();
        let before = look();
        // Until the clock has moved on by which it is seen.
        while look() == before {
            fs_err::write(&path, b"catalogs testing 3").unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(modified).unwrap();
        }
        assert_eq!(found(&repository).1, 1);
    }

    #[test]
    fn what_was_changed_a_moment_ago_is_not_kept() {
        let (_folder, repository) = repository();
        let (kind, location) = CATALOG;
        let seen = repository.list_stamped(kind).unwrap()[0].1.unwrap();
        let kept = |changed_ns| {
            let stamp = Stamp { changed_ns, ..seen };
            repository.remove_own(NAME).unwrap();
            for hashed in [1, 1] {
                let mut digests = Digests::of(&repository);
                digests.digest((kind, location), Some(stamp)).unwrap();
                if digests.hashed != hashed {
                    return true;
                }
                digests.note();
            }
            false
        };
        assert!(kept(1));
        assert!(!kept(i64::MAX));
    }

    #[test]
    fn damage_to_what_is_kept_costs_time_only() {
        let (_folder, repository) = repository();
        let first = found(&repository).0;
        let kept = repository.own(NAME).unwrap().unwrap();
        for at in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[at] ^= 1;
            for bytes in [&damaged, &kept[..at]] {
                repository.note_own(NAME, bytes).unwrap();
                assert_eq!(found(&repository), (first.clone(), 3), "{at}");
            }
        }
    }
}
