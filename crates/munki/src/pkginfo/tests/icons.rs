//! Icons of applications, wherever these are.

use proptest::prelude::*;
use testkit::package::{component, icon, png};

use super::samples::{image, info_plist, make, package};
use crate::icon_of;

fn side(png: &[u8]) -> u32 {
    assert!(png.starts_with(b"\x89PNG"));
    u32::from_be_bytes(png[16..20].try_into().unwrap())
}

fn application() -> Vec<u8> {
    info_plist(&[
        ("CFBundleShortVersionString", "1"),
        ("CFBundleIconFile", "A"),
    ])
}

/// The picture that is taken of an application with this icon file.
fn taken(icns: &[u8]) -> Result<Option<Vec<u8>>, crate::PkginfoError> {
    let (_folder, item) = image(&[
        ("A.app/Contents/Info.plist", &application()),
        ("A.app/Contents/Resources/A.icns", icns),
    ]);
    let made = make(&item, &[]).unwrap();
    icon_of(&item, &made.pkginfo)
}

#[test]
fn the_picture_of_512_pixels_is_taken_or_the_nearest() {
    let [small, medium, large, huge] = [128, 256, 512, 1024].map(|side| png(side).unwrap());
    let all: [(&[u8; 4], &[u8]); 4] = [
        (b"ic10", &huge),
        (b"ic07", &small),
        (b"ic09", &large),
        (b"ic08", &medium),
    ];
    assert_eq!(taken(&icon(&all)).unwrap().unwrap(), large);
    let without = [all[0], all[1], all[3]];
    assert_eq!(side(&taken(&icon(&without)).unwrap().unwrap()), 1024);
    assert_eq!(side(&taken(&icon(&all[1..2])).unwrap().unwrap()), 128);
}

#[test]
fn old_icons_are_decoded() {
    // 128 × 128 pixels in three channels, each as runs of 128 equal bytes; the mask is opaque.
    let runs = [0xfd, 0x7f].repeat(128 * 3);
    let coded = [&[0, 0, 0, 0], runs.as_slice()].concat();
    let mask = vec![0xff; 128 * 128];
    let png = taken(&icon(&[(b"it32", &coded), (b"t8mk", &mask)]))
        .unwrap()
        .unwrap();
    assert_eq!(side(&png), 128);
}

#[test]
fn a_damaged_icon_is_told_and_a_missing_one_is_none() {
    let png = png(512).unwrap();
    for damaged in [
        b"icns".to_vec(),
        b"PNG!".to_vec(),
        icon(&[]),
        icon(&[(b"ic09", b"nothing")]),
        icon(&[(b"ic08", &png)]),
    ] {
        let error = taken(&damaged).unwrap_err().to_string();
        assert!(
            error.starts_with("the icon `A.app/Contents/Resources/A.icns` is damaged: "),
            "{error}"
        );
    }
    let (_folder, item) = image(&[("A.app/Contents/Info.plist", &application())]);
    let made = make(&item, &[]).unwrap();
    assert_eq!(icon_of(&item, &made.pkginfo).unwrap(), None);
}

#[test]
fn icons_are_found_in_packages_and_in_packages_in_images() {
    let png = png(512).unwrap();
    let icns = icon(&[(b"ic09", &png)]);
    let app = application();
    let package_bytes = component(
        "a",
        "1",
        &[
            (
                "Applications/A.app/Contents/Frameworks/H.app/Contents/Info.plist",
                &app,
            ),
            ("Applications/A.app/Contents/Info.plist", &app),
            ("Applications/A.app/Contents/Resources/A.icns", &icns),
        ],
    )
    .unwrap();
    let (_folder, item) = image(&[("A.pkg", &package_bytes)]);
    let made = make(&item, &[]).unwrap();
    assert_eq!(icon_of(&item, &made.pkginfo).unwrap(), Some(png.clone()));
    let item = package(package_bytes);
    let made = make(&item, &[]).unwrap();
    assert_eq!(icon_of(&item, &made.pkginfo).unwrap(), Some(png));
}

proptest! {
    #[test]
    fn no_icon_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(taken(&bytes));
        drop(taken(&icon(&[(b"it32", &bytes), (b"t8mk", &bytes), (b"ic09", &bytes), (b"icp4", &bytes)])));
    }
}
