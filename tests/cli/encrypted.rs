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
