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

fn assert_as_expected(kind: &str, name: &str) {
    let Some(corpus) = corpus() else { return };
    assert_lists(&corpus, kind, name, name);
}

fn assert_lists(corpus: &Path, kind: &str, name: &str, expected: &str) {
    let tree = open(&corpus.join(kind).join(name)).unwrap();
    let expected = corpus.join(format!("expected/{kind}__{expected}.tsv"));
    // 7-Zip puts the folder that it unpacked to before the targets of absolute links.
    let expected = fs_err::read_to_string(expected).unwrap();
    let expected = expected.replace("\t/tmp/exp2/", "\t/");
    let found = listing(&*tree);
    let differs = |a: &str, b: &str| -> Vec<String> {
        let known: BTreeSet<_> = b.lines().collect();
        let lines = a.lines().filter(|line| !known.contains(line));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(differs(&expected, &found), [""; 0], "{name} lacks these");
    assert_eq!(differs(&found, &expected), [""; 0], "{name} has these");
    assert_eq!(found, expected, "{name} has another order");
}

macro_rules! media {
    ($($test:ident: $kind:literal $name:literal,)*) => {$(
        #[test]
        fn $test() {
            assert_as_expected($kind, $name);
        }
    )*};
}

media! {
    app_dev_signed_app: "app" "DevSignedApp.zip",
    app_sparkle: "app" "SparkleTestCodeSignApp.zip",
    app_sparkle_extraneous: "app" "SparkleTestCodeSignApp_bad_extraneous.zip",
    app_with_binary: "app" "brew_AppWithBinary.zip",
    app_fancy: "app" "brew_MyFancyPkg.zip",
    app_caffeine_suite: "app" "brew_caffeine-suite.zip",
    app_caffeines: "app" "brew_caffeines.zip",
    pkg_ch34x_driver: "pkg" "CH34xVCPDriver.pkg",
    pkg_ch34x_driver_1: "pkg" "CH34xVCPDriver_hist1.pkg",
    pkg_ch34x_driver_2: "pkg" "CH34xVCPDriver_hist2.pkg",
    pkg_ch34x_install_1_3: "pkg" "CH34x_Install_V1.3.pkg",
    pkg_ch34x_install_1_5: "pkg" "CH34x_Install_V1.5.pkg",
    pkg_brew: "pkg" "brew_container.pkg",
    pkg_brew_xar: "pkg" "brew_container.xar",
    pkg_sparkle: "pkg" "sparkle_test.pkg",
    pkg_strelka: "pkg" "strelka_test.xar",
    dmg_ch34x_driver: "dmg" "CH34xVCPDriver.dmg",
    dmg_sparkle: "dmg" "SparkleTestCodeSignApp.dmg",
    dmg_sparkle_apfs: "dmg" "SparkleTestCodeSign_apfs_lzma_aux_files.dmg",
    dmg_sparkle_package: "dmg" "SparkleTestCodeSign_pkg.dmg",
    dmg_brew: "dmg" "brew_container.dmg",
    dmg_non_null_data_offset: "dmg" "dmgwiz_non_null_data_offset.dmg",
    raw_hfs_plus: "raw" "dfvfs_hfsplus_zlib.dmg",
}

#[test]
fn a_compressed_disk_is_looked_through() {
    let Some(corpus) = corpus() else { return };
    assert_lists(&corpus, "raw", "dfvfs_apfs.raw.gz", "dfvfs_apfs.raw");
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
fn file_systems_that_are_not_read_are_named() {
    let Some(corpus) = corpus() else { return };
    let error = open(&corpus.join("dmg/apple-dmg_example.dmg")).unwrap_err();
    assert!(error.to_string().contains("FAT"), "{error}");
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
