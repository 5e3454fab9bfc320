//! Entries for the fuzzer; each must return, whatever the bytes.

use serde::de::DeserializeOwned;
use tough::schema::{Role, Root, Signed, Snapshot, Targets, Timestamp};

use super::{client::checked, describe_root, metadata};

/// A file of metadata, taken for that of each role in turn.
pub fn metadata(bytes: &[u8]) {
    if let Some(root) = written_and_read::<Root>(bytes) {
        let is_signed = metadata::root_from_bytes("root.json", bytes).is_ok();
        assert_eq!(is_signed, root.signed.verify_role(&root).is_ok());
    }
    // What nobody has signed may be described, but not fail in another way than with an error.
    describe_root(bytes).map(drop).unwrap_or_default();
    if let Some(targets) = written_and_read::<Targets>(bytes) {
        for name in targets.signed.targets.keys() {
            let stays = checked(name.raw()).is_ok();
            assert!(
                !(stays && name.raw().split('/').any(|part| part == "..")),
                "out of the repository"
            );
        }
    }
    written_and_read::<Snapshot>(bytes);
    written_and_read::<Timestamp>(bytes);
}

/// What a role has signed, if that is what it is; written and read again, it must be the same bytes.
fn written_and_read<T: Role + DeserializeOwned>(bytes: &[u8]) -> Option<Signed<T>> {
    let signed: Signed<T> = metadata::from_bytes("fuzzed.json", bytes).ok()?;
    // A number that JSON cannot write may be in what is not known.
    let written = metadata::to_bytes(&signed).ok()?;
    let again: Signed<T> = metadata::from_bytes("fuzzed.json", &written).ok()?;
    let same = metadata::to_bytes(&again).is_ok_and(|again| again == written);
    assert!(same, "written and read");
    metadata::expires_at(&signed.signed);
    Some(signed)
}

#[cfg(test)]
mod tests {
    use evidence::PrivateKey;

    use super::{
        super::{Lifetimes, Tuf},
        *,
    };
    use crate::{FolderRepository, Kind, Repository as _};

    /// The four files of a repository.
    fn seeds() -> Vec<(String, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let repository = FolderRepository::create(&folder.path().join("repo")).unwrap();
        repository.put(Kind::Catalogs, "testing", b"1").unwrap();
        let tuf = Tuf::new(folder.path().join("keys"), Lifetimes::default());
        let now = model::Clock::now(&model::SystemClock);
        tuf.begin(now).unwrap();
        tuf.refresh(&repository, now).unwrap();
        let names = repository.list(Kind::Tuf).unwrap();
        let read = |name: &String| repository.get(Kind::Tuf, name).unwrap();
        names
            .iter()
            .map(|name| (name.clone(), read(name)))
            .collect()
    }

    #[test]
    fn every_entry_returns_on_seeds_that_are_cut_or_changed() {
        let seeds = seeds();
        assert_eq!(seeds.len(), 4);
        for (name, seed) in &seeds {
            metadata(seed);
            for at in (0..seed.len()).step_by(3) {
                if at % 21 == 0 {
                    metadata(&seed[..at]);
                }
                let mut changed = seed.clone();
                changed[at] = b"{}[]\",:0-x\\"[at % 11];
                metadata(&changed);
            }
            // The fuzzer begins with these.
            if let Some(folder) = std::env::var_os("AUTO_UPDATE_SEEDS") {
                let folder = std::path::Path::new(&folder).join("tuf");
                fs_err::create_dir_all(&folder).unwrap();
                fs_err::write(folder.join(name), seed).unwrap();
            }
        }
    }

    #[test]
    fn what_nobody_signed_is_no_root() {
        let root = seeds().into_iter().find(|(name, _)| name == "1.root.json");
        let (name, bytes) = root.unwrap();
        let mut signed: Signed<Root> = metadata::from_bytes(&name, &bytes).unwrap();
        signed.signatures.clear();
        metadata::add_signature(&mut signed, &PrivateKey::generate().unwrap()).unwrap();
        let bytes = metadata::to_bytes(&signed).unwrap();
        metadata::root_from_bytes(&name, &bytes).unwrap_err();
        metadata(&bytes);
    }
}
