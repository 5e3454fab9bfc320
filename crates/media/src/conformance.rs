//! The corpus: every medium holds what independent tools say it does.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};
use wire::FileSource;

use crate::{Kind, MediaError, Tree, image, open, udif, walk};

/// The folder of the corpus, or none and a word about it.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let folder = std::env::var_os("AUTO_UPDATE_CORPUS").unwrap_or_else(|| beside.into());
    let folder = PathBuf::from(folder).join("media");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no corpus at {}", folder.display());
    None
}

/// Everything in `tree` as `media ls --tsv --hash` prints it.
pub(crate) fn listing(tree: &dyn Tree) -> String {
    let mut listing = String::new();
    for entry in walk(tree, "").unwrap() {
        let (kind, len, hash, target) = match &entry.kind {
            Kind::File { len_bytes } => {
                let mut contents = Vec::new();
                let mut reader = tree.open(&entry.path).unwrap();
                reader
                    .read_to_end(&mut contents)
                    .unwrap_or_else(|error| panic!("{}: {error}", entry.path));
                let hash = hex::encode(Sha256::digest(&contents));
                ("file", len_bytes.to_string(), hash, "-")
            }
            Kind::Folder => ("dir", "-".to_owned(), "-".to_owned(), "-"),
            Kind::Link { target } => ("link", "-".to_owned(), "-".to_owned(), target.as_str()),
        };
        writeln!(listing, "{}\t{kind}\t{len}\t{hash}\t{target}", entry.path).unwrap();
    }
    listing
}

/// Why the medium does not list as the file of that name says; none if it does.
fn difference(corpus: &Path, medium: &Path, expected: &str) -> Option<String> {
    let tree = match open(medium) {
        Ok(tree) => tree,
        Err(error) => return Some(error.to_string()),
    };
    let expected = fs_err::read_to_string(corpus.join("expected").join(expected)).unwrap();
    // 7-Zip puts the folder that it unpacked to before the targets of absolute links.
    let expected = expected.replace("\t/tmp/exp2/", "\t/");
    let found = listing(&*tree);
    let differs = |a: &str, b: &str| -> Vec<String> {
        let known: BTreeSet<_> = b.lines().collect();
        let lines = a.lines().filter(|line| !known.contains(line));
        lines.map(str::to_owned).collect()
    };
    let (lacks, has) = (differs(&expected, &found), differs(&found, &expected));
    (found != expected).then(|| format!("lacks {lacks:#?}, has {has:#?}, or another order"))
}

#[test]
fn every_medium_lists_as_other_tools_say() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for item in fs_err::read_dir(corpus.join("expected")).unwrap() {
        let expected = item.unwrap().file_name().into_string().unwrap();
        let medium = expected.strip_suffix(".tsv").unwrap();
        let Some((kind, name)) = medium.split_once("__") else {
            continue;
        };
        count += 1;
        let mut medium = corpus.join(kind).join(name);
        if !medium.exists() {
            // What is too large for the corpus is compressed there, and looked through.
            medium = corpus.join(kind).join(format!("{name}.gz"));
        }
        let why = difference(&corpus, &medium, &expected);
        wrong.extend(why.map(|why| format!("{expected}: {why}")));
    }
    println!("{} of {count} media list as expected", count - wrong.len());
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_volume_without_files_is_an_empty_tree() {
    let Some(corpus) = corpus() else { return };
    for codec in ["adc", "bzip2", "lzfse", "zlib"] {
        let path = corpus.join(format!("dmg/dmgwiz_{codec}.dmg"));
        assert_eq!(listing(&*open(&path).unwrap()), "", "{codec}");
    }
}

#[test]
fn images_decode_to_the_bytes_that_qemu_finds() {
    let Some(corpus) = corpus() else { return };
    let list = fs_err::read_to_string(corpus.join("expected/decoded-images.tsv")).unwrap();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split('\t').collect();
        let image = image(&corpus.join(fields[0])).unwrap();
        assert_eq!(image.len().to_string(), fields[1], "{line}");
        let bytes = wire::read_vec(&*image, 0, image.len()).unwrap();
        assert_eq!(hex::encode(Sha256::digest(&bytes)), fields[2], "{line}");
    }
}

#[test]
fn every_checksum_of_every_image_is_right() {
    let Some(corpus) = corpus() else { return };
    for item in fs_err::read_dir(corpus.join("dmg")).unwrap() {
        let path = item.unwrap().path();
        let source = Arc::new(FileSource::open(&path).unwrap());
        match udif::Image::open(source) {
            Ok(image) => image
                .verify()
                .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            Err(error) => println!("{}: {error}", path.display()),
        }
    }
}

#[test]
fn encrypted_images_are_said_to_be() {
    let Some(corpus) = corpus() else { return };
    for name in [
        "SparkleTestCodeSignApp.enc.dmg",
        "SparkleTestCodeSignApp.enc.nolicense.dmg",
        "dmgwiz_aes256.dmg",
    ] {
        let error = open(&corpus.join("dmg").join(name)).unwrap_err();
        assert!(matches!(error, MediaError::Encrypted { .. }), "{error}");
        assert!(image(&corpus.join("dmg").join(name)).is_err());
    }
}
