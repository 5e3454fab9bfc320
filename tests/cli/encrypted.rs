//! `media --password-file`: encrypted disk images.

use crate::{corpus, program::House};

#[test]
fn the_password_of_an_image_is_read_from_a_file_only() {
    let Some(media) = corpus::folder("media") else {
        return;
    };
    let house = House::new();
    // The password is in the public test suite that the image is from.
    house.write("right", "testpass\n");
    house.write("wrong", "testpas\n");
    house.write("empty", "\n");
    let image = media.join("dmg/SparkleTestCodeSignApp.enc.nolicense.dmg");
    let list = format!("media ls {}", image.display());
    let listed = house.ok(&format!("{list} --password-file {}", house.arg("right")));
    assert!(listed.contains("SparkleTestCodeSignApp.app"), "{listed}");
    for (arguments, why) in [
        (list.clone(), "is encrypted, and no password was given"),
        (list.clone(), "hint: give the password"),
        (
            format!("{list} --password-file {}", house.arg("wrong")),
            "the password is not that of",
        ),
        (
            format!("{list} --password-file {}", house.arg("empty")),
            "there is no password in the first line",
        ),
        (
            format!("{list} --password-file {}", house.arg("none")),
            "cannot read the password in",
        ),
    ] {
        let outcome = house.run(&arguments);
        assert!(outcome.shows(why), "{outcome}");
        assert!(!outcome.shows("testpas"), "{outcome}");
    }
}

/// One stored member whose flag says that it is encrypted, made by hand; no password can help here.
#[test]
fn what_to_do_about_an_encrypted_archive_is_told() {
    let house = House::new();
    let lens = [12_u32.to_le_bytes(), 12_u32.to_le_bytes()].concat();
    let common = |version: &[u8]| {
        let fixed = b"\x14\0\x01\0\0\0\0\0\x21\x50\0\0\0\0";
        [version, fixed, &lens, b"\x01\0\0\0"].concat()
    };
    let member = [&common(b"PK\x03\x04")[..], b"a", &[7; 12]].concat();
    let entry = [&common(b"PK\x01\x02\x14\x03")[..], &[0; 14], b"a"].concat();
    let sizes = [entry.len(), member.len()].map(|len| u32::try_from(len).unwrap().to_le_bytes());
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &sizes.concat()[..],
        b"\0\0",
    ]
    .concat();
    fs_err::write(house.path("shut.zip"), [member, entry, end].concat()).unwrap();
    let outcome = house.run(&format!("media cat {}/a", house.arg("shut.zip")));
    assert!(outcome.shows("is encrypted with ZipCrypto"), "{outcome}");
    assert!(
        outcome.shows("hint: decrypt it with a tool that can"),
        "{outcome}"
    );
}
