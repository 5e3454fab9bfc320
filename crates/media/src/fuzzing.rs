//! Entries for the fuzzer; each must return, whatever the bytes.

use std::{
    io::{self, Read},
    sync::Arc,
};

use wire::{Budget, Part, ReadAt};

use crate::{
    MediaError, Tree, aar,
    codec::Codec,
    cpio, fat, hfsplus, iso9660, open_source,
    package::FlatPackage,
    sevenz::{self, SevenZip},
    tar, udif, walk,
    zip::ZipTree,
};

/// Most bytes of one file that are read.
const MOST_OF_A_FILE: u64 = 1 << 20;

/// Anything, told by its contents.
pub fn medium(bytes: &[u8]) {
    read_all(open_source(source(bytes), &budget()));
}

/// A disk image: the disk in it, and its checksums.
pub fn udif(bytes: &[u8]) {
    let Ok(image) = udif::Image::open(source(bytes)) else {
        return;
    };
    if image.len() <= 64 * MOST_OF_A_FILE {
        drop(image.verify());
    }
    let disk = Part::new(Arc::new(image), 0, MOST_OF_A_FILE);
    drop(wire::read_vec(&disk, 0, disk.len()));
}

/// An HFS+ volume.
pub fn hfsplus(bytes: &[u8]) {
    read_all(hfsplus::open(source(bytes)));
}

/// An APFS container, whose checksums are made right before it is read.
pub fn apfs(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    crate::apfs::seal(&mut bytes);
    read_all(crate::apfs::open(source(&bytes)));
}

/// A FAT volume.
pub fn fat(bytes: &[u8]) {
    read_all(fat::open(source(bytes)));
}

/// An ISO 9660 volume.
pub fn iso9660(bytes: &[u8]) {
    read_all(iso9660::open(source(bytes)));
}

/// A xar archive or a flat package.
pub fn xar(bytes: &[u8]) {
    let package = FlatPackage::open(source(bytes), &budget());
    read_all(package.map(|tree| Arc::new(tree) as Arc<dyn Tree>));
}

/// An Apple archive.
pub fn aar(bytes: &[u8]) {
    let archive = aar::open(source(bytes), &budget());
    read_all(archive.map(|tree| Arc::new(tree) as Arc<dyn Tree>));
}

/// A cpio archive.
pub fn cpio(bytes: &[u8]) {
    let archive = cpio::open(source(bytes), &budget());
    read_all(archive.map(|tree| Arc::new(tree) as Arc<dyn Tree>));
}

/// A zip archive.
pub fn zip(bytes: &[u8]) {
    let archive = ZipTree::open(source(bytes), &budget());
    read_all(archive.map(|tree| Arc::new(tree) as Arc<dyn Tree>));
}

/// A 7z archive, whose checksums of the header are made right before it is read.
pub fn sevenz(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    sevenz::seal(&mut bytes);
    let archive = SevenZip::open(source(&bytes), &budget());
    read_all(archive.map(|tree| Arc::new(tree) as Arc<dyn Tree>));
}

/// A tar archive.
pub fn tar(bytes: &[u8]) {
    let archive = tar::open(source(bytes), &budget());
    read_all(archive.map(|tree| Arc::new(tree) as Arc<dyn Tree>));
}

/// A pbzx stream.
pub fn pbzx(bytes: &[u8]) {
    drain(Codec::Pbzx.reader(Box::new(io::Cursor::new(bytes.to_vec()))));
}

/// A bzip2 stream.
pub fn bunzip(bytes: &[u8]) {
    drain(Codec::Bzip2.reader(Box::new(io::Cursor::new(bytes.to_vec()))));
}

/// What `compress` writes.
pub fn lzw(bytes: &[u8]) {
    drain(Codec::Lzw.reader(Box::new(io::Cursor::new(bytes.to_vec()))));
}

/// A Zstandard stream.
pub fn zstd(bytes: &[u8]) {
    drain(Codec::Zstd.reader(Box::new(io::Cursor::new(bytes.to_vec()))));
}

/// An encrypted image, whose key is derived in few rounds.
pub fn encrypted(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if let Some(rounds) = bytes.get_mut(104..107) {
        rounds.fill(0);
    }
    let password = crate::Password::new(b"secret".to_vec());
    let opened = crate::image::EncryptedImage::open(source(&bytes), "x", Some(&password));
    if let Ok(image) = opened {
        drop(wire::read_vec(&image, 0, image.len().min(MOST_OF_A_FILE)));
    }
}

/// A sparse image.
pub fn sparse(bytes: &[u8]) {
    if let Ok(disk) = crate::image::sparse::open(source(bytes)) {
        drop(wire::read_vec(&disk, 0, disk.len().min(MOST_OF_A_FILE)));
    }
}

fn source(bytes: &[u8]) -> Arc<dyn ReadAt> {
    Arc::new(bytes.to_vec())
}

fn budget() -> Budget {
    Budget::new("fuzzed medium", 64 * MOST_OF_A_FILE, 10_000, 8)
}

/// Reads everything, as far as it goes.
fn read_all(opened: Result<Arc<dyn Tree>, MediaError>) {
    let Ok(tree) = opened else { return };
    for entry in walk(&*tree, "").unwrap_or_default() {
        drop(tree.xattrs(&entry.path));
        if entry.is_file()
            && let Ok(reader) = tree.open(&entry.path)
        {
            drain(reader);
        }
    }
}

fn drain(reader: impl Read) {
    drop(io::copy(&mut reader.take(MOST_OF_A_FILE), &mut io::sink()));
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;
    use crate::{
        apfs::samples::{Volume, container},
        codec::{bunzip::tests::compressed, lzma, lzw},
        robustness::XorShift,
        samples::{self, Sample},
        write,
    };

    const MEMBERS: [(&str, Sample<'_>); 3] = [
        ("a", Sample::Folder(0o755)),
        ("a/b.txt", Sample::File(0o644, b"some text, some text")),
        ("a/c", Sample::Link("b.txt")),
    ];

    fn dmg(tree: &dyn Tree) -> Vec<u8> {
        let house = tempfile::TempDir::new().unwrap();
        let out = house.path().join("x.dmg");
        write::dmg_of(tree, "Seed", write::Compression::default(), &out).unwrap();
        fs_err::read(out).unwrap()
    }

    type Body = fn(&[u8]);

    /// What a fuzzer would begin with, for every entry, by the name of its target.
    fn seeds() -> Vec<(&'static str, Body, Vec<u8>)> {
        let archive = samples::zip(&MEMBERS);
        let tree = open_source(source(&archive), &budget()).unwrap();
        let payload = samples::cpio(&MEMBERS);
        let package = samples::xar(&[("PackageInfo", b"<x/>"), ("Payload", &payload)], |toc| {
            toc
        });
        let mut volume = Volume::new();
        volume.name(2, "file", 16);
        volume.inode(16, 0o100_644, 0);
        let stream = [
            &b"pbzx\0\0\0\0\x01"[..],
            &[0; 10],
            &[2, 0, 0, 0, 0, 0, 0, 0, 2],
            b"ab",
        ];
        let sevenz_seeds = sevenz::samples();
        let sevenz_seeds = sevenz_seeds
            .into_iter()
            .map(|seed| ("sevenz", sevenz as Body, seed));
        let others: Vec<(&str, Body, Vec<u8>)> = vec![
            ("medium", medium, package.clone()),
            ("udif", udif, dmg(&*tree)),
            ("medium", medium, dmg(&*tree)),
            ("hfsplus", hfsplus, samples::hfs_plus(&*tree)),
            ("apfs", apfs, container(&[volume], &[])),
            ("fat", fat, fat::sample()),
            ("iso9660", iso9660, iso9660::sample()),
            ("xar", xar, package),
            ("aar", aar, aar::sample()),
            ("cpio", cpio, payload.clone()),
            ("zip", zip, archive),
            ("zip", zip, crate::zip::sample()),
            ("tar", tar, samples::tar(&MEMBERS)),
            ("pbzx", pbzx, stream.concat()),
            ("bunzip", bunzip, compressed(&payload, 1)),
            ("lzw", lzw, lzw::tests::compress(&payload, 0x8c)),
            (
                "zstd",
                zstd,
                compress_to_vec(payload.as_slice(), CompressionLevel::Fastest),
            ),
            ("medium", medium, lzma::tests::compress(&payload, false)),
            (
                "encrypted",
                encrypted,
                crate::image::tests::encrypt(&[1; 900], b"secret", 16),
            ),
            (
                "sparse",
                sparse,
                crate::image::sparse::sample(&[1; 512 * 9], 4),
            ),
        ];
        others.into_iter().chain(sevenz_seeds).collect()
    }

    /// Writes the seeds to the folder that `AUTO_UPDATE_SEEDS` names, in a folder for each target.
    #[test]
    fn seeds_are_written_for_the_fuzzer() {
        let asked = std::env::var_os("AUTO_UPDATE_SEEDS").map(PathBuf::from);
        let house = tempfile::TempDir::new().unwrap();
        let out = asked.unwrap_or_else(|| house.path().to_owned());
        for (number, (target, _, seed)) in seeds().into_iter().enumerate() {
            fs_err::create_dir_all(out.join(target)).unwrap();
            fs_err::write(out.join(target).join(format!("own-{number}")), seed).unwrap();
        }
        let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
        for seeded in fs_err::read_dir(&out).unwrap() {
            let mut target = targets.join(seeded.unwrap().file_name());
            target.set_extension("rs");
            assert!(target.is_file(), "{} is no target", target.display());
        }
    }

    /// What the fuzzer runs also runs here: over the seeds, and over what a little damage makes of them.
    #[test]
    fn every_entry_returns_on_its_seeds_and_on_damaged_ones() {
        for (_, entry, seed) in seeds() {
            entry(&seed);
            entry(&[]);
            for cut in [1, 4, seed.len() / 2, seed.len() - 1] {
                entry(&seed[..cut]);
            }
            let places: Vec<_> = (0..seed.len()).filter(|at| seed[*at] != 0).collect();
            for at in places.iter().step_by(places.len().div_ceil(40)) {
                let mut damaged = seed.clone();
                damaged[*at] = !damaged[*at];
                entry(&damaged);
            }
        }
    }

    /// Changes the seeds at random, again and again, and keeps what a change made for the next one. How often is what
    /// `AUTO_UPDATE_FUZZ` says.
    #[test]
    fn every_entry_returns_on_seeds_that_were_changed_many_times() {
        let rounds = std::env::var("AUTO_UPDATE_FUZZ").unwrap_or_else(|_unset| "30".to_owned());
        let rounds: u64 = rounds.parse().unwrap();
        let mut random = XorShift(0x2545_f491_4f6c_dd1d);
        for (_, entry, seed) in seeds() {
            let mut bytes = seed.clone();
            for round in 0..rounds {
                if round % 16 == 0 {
                    bytes.clone_from(&seed);
                }
                for _ in 0..=random.below(4) {
                    let at = random.below(bytes.len());
                    match random.below(4) {
                        0 => bytes[at] ^= 1 << random.below(8),
                        1 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                        2 => {
                            let end = (at + 8).min(bytes.len());
                            bytes[at..end].fill(if round % 2 == 0 { 0xff } else { 0 });
                        }
                        _ => {
                            let from = random.below(bytes.len());
                            let len = random.below(64).min(bytes.len() - at.max(from));
                            bytes.copy_within(from..from + len, at);
                        }
                    }
                }
                entry(&bytes);
            }
        }
    }
}
