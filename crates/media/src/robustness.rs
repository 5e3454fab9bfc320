//! Damaged media: errors, never panics, and never more than the budget allows.

use std::{
    io,
    num::NonZero,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use wire::Budget;

use crate::{
    Kind, MediaError,
    codec::{lzma, lzw},
    conformance::corpus,
    open_source,
    samples::{self, Sample},
    walk,
};

const MEMBERS: [(&str, Sample<'_>); 4] = [
    ("a", Sample::Folder(0o755)),
    (
        "a/b.txt",
        Sample::File(0o644, b"some text, some text, some text"),
    ),
    ("a/c", Sample::Link("b.txt")),
    ("d", Sample::File(0o755, b"more")),
];

/// Opens and reads everything, as far as it goes.
fn read_all(bytes: &[u8]) -> Result<(), MediaError> {
    let budget = Budget::new("test", 64 << 20, 10_000, 8);
    let tree = open_source(Arc::new(bytes.to_vec()), &budget)?;
    for entry in walk(&*tree, "")? {
        if matches!(entry.kind, Kind::File { .. }) {
            let mut reader = tree.open(&entry.path)?;
            io::copy(&mut reader, &mut io::sink()).map_err(MediaError::content(&entry.path))?;
        }
        tree.xattrs(&entry.path)?;
    }
    Ok(())
}

/// Every kind of archive, made by hand.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let payload = samples::cpio(&MEMBERS);
    let fast = CompressionLevel::Fastest;
    vec![
        ("cpio.zst", compress_to_vec(payload.as_slice(), fast)),
        ("cpio.lzma", lzma::tests::compress(&payload, true)),
        ("cpio.Z", lzw::tests::compress(&payload, 0x90)),
        ("zip", samples::zip(&MEMBERS)),
        ("cpio", payload.clone()),
        ("tar", samples::tar(&MEMBERS)),
        (
            "xar",
            samples::xar(&[("x", b"contents"), ("y", b"")], |toc| toc),
        ),
        (
            "package",
            samples::xar(&[("PackageInfo", b"<x/>"), ("Payload", &payload)], |toc| {
                toc
            }),
        ),
    ]
}

#[test]
fn samples_are_sound() {
    for (name, bytes) in samples() {
        read_all(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn every_truncation_is_an_error() {
    for (name, bytes) in samples() {
        // A tar archive may end after any member, and its last two blocks only say that it ends.
        let needed = match name {
            // Nor does what `compress` writes have an end.
            "tar" | "cpio.Z" => 0,
            // What comes last in the stream says nothing any more.
            "cpio.lzma" => bytes.len() - 5,
            _ => bytes.len(),
        };
        for len in 0..needed {
            assert!(read_all(&bytes[..len]).is_err(), "{name} cut to {len}");
        }
    }
}

#[test]
fn a_tar_archive_cut_inside_a_member_is_an_error() {
    let bytes = samples::tar(&[("a", Sample::File(0o644, &[7; 700]))]);
    for len in (1..1212).filter(|len| *len != 512) {
        assert!(read_all(&bytes[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn no_changed_byte_panics() {
    for (_, bytes) in samples() {
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0xff;
            read_all(&bytes).map(drop).unwrap_or_default();
        }
    }
}

/// Every medium of the corpus.
fn media(corpus: &Path) -> Vec<PathBuf> {
    let folders = ["app", "dmg", "other", "pkg", "raw"].map(|kind| corpus.join(kind));
    let items = folders
        .iter()
        .flat_map(|folder| fs_err::read_dir(folder).unwrap());
    let mut media: Vec<_> = items.map(|item| item.unwrap().path()).collect();
    media.sort();
    media
}

/// What damaging a medium showed.
#[derive(Default)]
struct Damage {
    tried: u64,
    errors: u64,
    /// How long the slowest reading took, and which it was.
    slowest: (Duration, String),
}

impl Damage {
    /// Cuts a medium in that many seeded places, and changes that many seeded bits, each on its own.
    fn to(medium: &Path, cuts: u64, changes: u64) -> Self {
        let bytes = fs_err::read(medium).unwrap();
        let mut random = XorShift(0x9e37_79b9_7f4a_7c15);
        let mut damage = Self::default();
        for number in 0..cuts + changes {
            let at = random.below(bytes.len());
            let mut damaged = bytes.clone();
            if number < cuts {
                damaged.truncate(at);
            } else {
                damaged[at] ^= 1 << random.below(8);
            }
            let start = Instant::now();
            let result = read_all(&damaged);
            let took = start.elapsed();
            if took > damage.slowest.0 {
                let which = format!("{}, damage {number} at {at}", medium.display());
                damage.slowest = (took, which);
            }
            damage.tried += 1;
            damage.errors += u64::from(result.is_err());
        }
        damage
    }

    fn and(self, other: Self) -> Self {
        Self {
            tried: self.tried + other.tried,
            errors: self.errors + other.errors,
            slowest: self.slowest.max(other.slowest),
        }
    }
}

/// Damages every medium of the corpus in seeded ways: cut in that many places, and that many changed bits. How many is
/// what `AUTO_UPDATE_DAMAGE` says: `200,2000` takes ten minutes on two processors
/// where this crate is optimised (`--config 'profile.dev.package.media.opt-level=2'`).
#[test]
fn damage_to_real_media_is_an_error_or_does_not_matter() {
    let Some(corpus) = corpus() else { return };
    let wanted = std::env::var("AUTO_UPDATE_DAMAGE").unwrap_or_else(|_unset| "2,2".to_owned());
    let (cuts, changes) = wanted.split_once(',').unwrap();
    let (cuts, changes): (u64, u64) = (cuts.parse().unwrap(), changes.parse().unwrap());
    let media = Mutex::new(media(&corpus));
    let work = || {
        let mut damage = Damage::default();
        let next = || media.lock().unwrap().pop();
        while let Some(medium) = next() {
            let start = Instant::now();
            damage = damage.and(Damage::to(&medium, cuts, changes));
            println!("{}: {:?}", medium.display(), start.elapsed());
        }
        damage
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let Damage {
        tried,
        errors,
        slowest,
    } = thread::scope(|scope| {
        let threads: Vec<_> = (0..processors.min(4)).map(|_| scope.spawn(work)).collect();
        let done = threads.into_iter().map(|thread| thread.join().unwrap());
        done.fold(Damage::default(), Damage::and)
    });
    println!("{errors} errors of {tried}; the slowest took {slowest:?}");
    // Five seconds of an optimised program; without optimisation it takes ten times as long.
    assert!(slowest.0 < Duration::from_secs(50), "{slowest:?}");
    assert!(errors > 0);
    assert_memory();
}

/// States that this process never used more than 512 MiB.
fn assert_memory() {
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    println!("at most {kib} KiB of memory");
    assert!(kib < 512 << 10, "{kib} KiB");
}

/// Numbers that look random and are the same every time: Marsaglia's xorshift.
pub(crate) struct XorShift(pub(crate) u64);

impl XorShift {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn several_changed_bytes_do_not_panic(
        which in 0..8_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (_, mut bytes) = samples().swap_remove(which);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read_all(&bytes).map(drop).unwrap_or_default();
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(start in 0..10_usize, bytes: Vec<u8>) {
        let starts: [&[u8]; 10] = [
            b"xar!", b"PK\x03\x04", b"070707", b"070701", b"\xc7\x71", b"\x1f\x8b\x08", b"pbzx", b"BZh9",
            b"\x1f\x9d\x90", b"\x28\xb5\x2f\xfd",
        ];
        let bytes = [starts[start], bytes.as_slice()].concat();
        // Nothing in a `.Z` file says what ought to be in it: any bytes behind its head may be right, and none at all.
        let may_be_right = bytes.starts_with(b"\x1f\x9d");
        prop_assert!(read_all(&bytes).is_err() || may_be_right);
    }
}
