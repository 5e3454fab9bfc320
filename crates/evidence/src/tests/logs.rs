use std::fs;

use model::Timestamp;
use tempfile::TempDir;

use super::subject;
use crate::{Code, Event, Keyring, Log, LogError, PublicKey, verify_log};

struct Bench {
    folder: TempDir,
    keyring: Keyring,
    log: Log,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            keyring: Keyring::in_folder(&folder.path().join("keys")),
            log: Log::new(&folder.path().join("evidence"), &folder.path().join("lock")),
            folder,
        }
    }

    fn add(&self, number: i64) -> Result<bool, LogError> {
        let event = Event::Published {
            change_set: format!("set-{number}"),
            title: "Foo.munki".to_owned(),
            files: vec![subject("pkgs/Foo.dmg", &number.to_le_bytes())],
        };
        self.log
            .append(&event, &self.keyring, Timestamp::from_secs(number))
    }

    fn public(&self) -> PublicKey {
        self.keyring.signer().unwrap().public().clone()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.log.path()).unwrap()
    }

    fn checkpoint(&self) -> Vec<u8> {
        fs::read(self.log.checkpoint_path()).unwrap()
    }

    fn refused(&self) -> Code {
        match self.log.read(&[self.public()]).unwrap_err() {
            LogError::Altered { source, .. } => source.code,
            other => panic!("{other}"),
        }
    }
}

#[test]
fn entries_follow_each_other_and_the_same_change_set_is_there_once() {
    let bench = Bench::new();
    for number in 1..=3 {
        assert!(bench.add(number).unwrap());
        assert!(!bench.add(number).unwrap(), "told twice");
    }
    let chain = bench.log.read(&[bench.public()]).unwrap();
    let numbers: Vec<u64> = chain.entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(chain.entries[2].at, "1970-01-01T00:00:03Z");
    bench.log.check(&bench.keyring).unwrap();
    let names: Vec<_> = fs::read_dir(bench.folder.path().join("evidence"))
        .unwrap()
        .collect();
    assert_eq!(names.len(), 2, "log and checkpoint: {names:?}");
}

#[test]
fn every_way_to_change_it_is_seen() {
    let bench = Bench::new();
    for number in 1..=4 {
        bench.add(number).unwrap();
    }
    let whole = bench.bytes();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let write = |lines: &[&[u8]]| fs::write(bench.log.path(), lines.concat()).unwrap();

    write(&[lines[0], lines[2], lines[3]]);
    assert_eq!(bench.refused(), Code::BrokenChain);
    write(&[lines[0], lines[2], lines[1], lines[3]]);
    assert_eq!(bench.refused(), Code::BrokenChain);
    write(&[lines[1], lines[2], lines[3]]);
    assert_eq!(bench.refused(), Code::BrokenChain);
    write(&lines[..3]);
    assert_eq!(bench.refused(), Code::Checkpoint, "its end was cut off");
    write(&[]);
    assert_eq!(bench.refused(), Code::Checkpoint, "all of it is gone");
    for at in [0, lines[0].len() / 2, lines[0].len() + 40] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(bench.log.path(), &changed).unwrap();
        bench.refused();
    }
    // Nothing is added to what was changed, and it stays as it is for those who look.
    write(&[lines[0], lines[2], lines[3]]);
    let found = bench.bytes();
    assert!(matches!(
        bench.add(9).unwrap_err(),
        LogError::Altered { .. }
    ));
    assert!(bench.log.check(&bench.keyring).is_err());
    assert_eq!(bench.bytes(), found);
}

#[test]
fn an_older_checkpoint_that_somebody_kept_shows_that_history_was_written_anew() {
    let bench = Bench::new();
    bench.add(1).unwrap();
    bench.add(2).unwrap();
    let kept = bench.checkpoint();
    let keys = [bench.public()];
    // Whoever has the key can write another history, but not one that the kept checkpoint fits.
    fs::remove_file(bench.log.path()).unwrap();
    fs::remove_file(bench.log.checkpoint_path()).unwrap();
    for number in [1, 3, 4] {
        bench.add(number).unwrap();
    }
    let anew = bench.bytes();
    assert!(verify_log(&anew, &[bench.checkpoint()], &keys).is_ok());
    let refused = verify_log(&anew, &[kept], &keys).unwrap_err();
    assert_eq!(refused.code, Code::Checkpoint);
}

/// A crash may cut the last entry off anywhere, and comes before its checkpoint is written.
#[test]
fn an_entry_that_a_crash_cut_off_is_mended_and_one_in_the_middle_is_not() {
    let bench = Bench::new();
    bench.add(1).unwrap();
    let (one, checkpoint) = (bench.bytes(), bench.checkpoint());
    bench.add(2).unwrap();
    let two = bench.bytes();
    for cut in (one.len() + 1..two.len()).rev().step_by(7) {
        fs::write(bench.log.path(), &two[..cut]).unwrap();
        fs::write(bench.log.checkpoint_path(), &checkpoint).unwrap();
        let chain = bench.log.read(&[bench.public()]).unwrap();
        assert_eq!((chain.entries.len(), chain.torn_len), (1, cut - one.len()));
        if cut % 5 == 0 || cut + 1 == two.len() {
            assert!(bench.add(2).unwrap());
            assert_eq!(bench.bytes(), two, "cut at {cut}");
        }
    }
    // The entry is whole, and only its checkpoint is missing.
    fs::write(bench.log.path(), &two).unwrap();
    fs::write(bench.log.checkpoint_path(), &checkpoint).unwrap();
    assert!(!bench.add(2).unwrap());
    assert!(bench.add(3).unwrap());
    // What a checkpoint was signed for cannot have been cut off by a crash.
    let three = bench.bytes();
    fs::write(bench.log.path(), &three[..three.len() - 1]).unwrap();
    assert_eq!(bench.refused(), Code::Checkpoint);
    // A line that is cut off with something behind it is no crash.
    let mut middle = two[..one.len() + 20].to_vec();
    middle.push(b'\n');
    middle.extend_from_slice(&three[two.len()..]);
    fs::write(bench.log.path(), &middle).unwrap();
    assert_eq!(bench.refused(), Code::NoEnvelope);
}

#[test]
fn a_change_of_keys_is_signed_by_the_old_one_and_the_new_one_goes_on() {
    let bench = Bench::new();
    let first = bench.public();
    bench.add(1).unwrap();
    let next = bench
        .log
        .change_key(&bench.keyring, Timestamp::from_secs(2))
        .unwrap();
    assert_eq!(bench.public(), next);
    bench.add(3).unwrap();
    // The first key is enough to go on from.
    let chain = bench.log.read(std::slice::from_ref(&first)).unwrap();
    let keys: Vec<_> = chain.entries.iter().map(|entry| entry.key).collect();
    assert_eq!(keys, [first.id(), first.id(), next.id()]);
    assert_eq!(chain.keys, [first.clone(), next.clone()]);
    assert_eq!(bench.keyring.public_keys().unwrap(), [next, first]);
}

#[test]
fn a_change_of_keys_survives_a_crash_at_either_point() {
    // Between the new key and its entry.
    let bench = Bench::new();
    bench.add(1).unwrap();
    let next = bench.keyring.next().unwrap();
    bench.add(2).unwrap();
    let now = Timestamp::from_secs(3);
    let changed = bench.log.change_key(&bench.keyring, now).unwrap();
    assert_eq!(changed.id(), next.id());
    // Between its entry and its use: nothing else may sign until that is done.
    let next = bench.keyring.next().unwrap();
    let old = bench.public();
    let keys = bench.keyring.public_keys().unwrap();
    let chain = bench.log.read(&keys).unwrap();
    let event = Event::KeyChanged {
        to: next.public().clone(),
    };
    let line = chain.next_line(&event, now, &bench.keyring.signer().unwrap());
    fs::write(bench.log.path(), [bench.bytes(), line].concat()).unwrap();
    let refused = bench.add(4).unwrap_err();
    assert!(
        matches!(refused, LogError::OtherKey { expected, found, .. }
            if expected == next.id() && found == old.id()),
        "{refused}"
    );
    let before = bench.bytes();
    let changed = bench.log.change_key(&bench.keyring, now).unwrap();
    assert_eq!((changed.id(), bench.bytes()), (next.id(), before));
    assert!(bench.add(4).unwrap());
}

#[test]
fn what_was_changed_later_is_in_the_chain_as_it_was_told() {
    let bench = Bench::new();
    bench.add(1).unwrap();
    let event = Event::Changed {
        change_set: "set-2".to_owned(),
        what: "recalled".to_owned(),
        items: vec!["Foo 1.0".to_owned()],
        files: vec![subject("pkgsinfo/Foo.plist", b"now")],
        removed: vec![subject("pkgs/Foo.dmg", b"gone")],
        by: Some("kim".to_owned()),
        reason: None,
    };
    let now = Timestamp::from_secs(2);
    assert!(bench.log.append(&event, &bench.keyring, now).unwrap());
    assert!(!bench.log.append(&event, &bench.keyring, now).unwrap());
    let chain = bench.log.read(&[bench.public()]).unwrap();
    assert_eq!(chain.entries.last().unwrap().event, event);
    assert!(bench.add(3).unwrap());
}

#[test]
fn a_key_that_was_handed_on_signs_nothing_any_more() {
    let bench = Bench::new();
    bench.add(1).unwrap();
    let old = bench.keyring.signer().unwrap();
    let now = Timestamp::from_secs(2);
    bench.log.change_key(&bench.keyring, now).unwrap();
    let chain = bench
        .log
        .read(&bench.keyring.public_keys().unwrap())
        .unwrap();
    let event = Event::Published {
        change_set: "forged".to_owned(),
        title: "Foo".to_owned(),
        files: Vec::new(),
    };
    let line = chain.next_line(&event, now, &old);
    let log = [bench.bytes(), line].concat();
    let refused = verify_log(&log, &[], &[old.public().clone()]).unwrap_err();
    assert_eq!(refused.code, Code::UnknownKey);
}

#[test]
fn two_processes_add_one_after_the_other() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let bench = &bench;
            scope.spawn(move || {
                for number in 0..5 {
                    assert!(bench.add(worker * 100 + number).unwrap());
                }
            });
        }
    });
    let chain = bench.log.read(&[bench.public()]).unwrap();
    assert_eq!((chain.entries.len(), chain.torn_len), (20, 0));
}
