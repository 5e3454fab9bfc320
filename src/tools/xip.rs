//! `xip --expand`: what Apple packs and signs as one, as it does Xcode.

use std::path::Path;

use codesign::Pins;
use model::{Clock as _, SystemClock};

use super::{Refusal, Words};
use crate::printer::Printer;

/// The member that holds everything: a `cpio` archive in `pbzx` or `gzip`.
const CONTENT: &str = "Content";

pub(super) fn run(words: &[String], _printer: Printer) -> Result<u8, Refusal> {
    let words = Words::read(words, &["--expand", "-x"], &[])?;
    if words.flags.is_empty() {
        return Err(Refusal::NotServed("anything but --expand".to_owned()));
    }
    let archive = Path::new(words.only("an archive")?);
    // The tool unpacks nothing that is not signed, or not as it was signed.
    let report = codesign::verify(archive, &Pins::none(), SystemClock.now())
        .map_err(|error| Refusal::failed(model::chain(&error)))?;
    if !report.holds() {
        let shown = archive.display();
        let why = format!("error: The archive \"{shown}\" does not come from Apple");
        return Err(Refusal::failed(why));
    }
    expand(archive, Path::new("."))
}

fn expand(archive: &Path, target: &Path) -> Result<u8, Refusal> {
    let content = media::look_into(&archive.join(CONTENT))?;
    media::extract(&*content.tree, &content.inner, target)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_content_is_unpacked_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let payload = testkit::package::payload(&[("Xcode.app/Contents/version", b"16")]).unwrap();
        let members: [(&str, &[u8]); 2] = [("Content", &payload), ("Metadata", b"<plist/>")];
        let archive = folder.path().join("Xcode.xip");
        fs_err::write(&archive, testkit::package::flat(&members).unwrap()).unwrap();
        let target = folder.path().join("target");
        fs_err::create_dir(&target).unwrap();
        let Ok(0) = expand(&archive, &target) else {
            panic!("the archive was not unpacked");
        };
        let names = fs_err::read_dir(&target).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["Xcode.app"]);
        let file = fs_err::read(target.join("Xcode.app/Contents/version")).unwrap();
        assert_eq!(file, b"16");
    }
}
