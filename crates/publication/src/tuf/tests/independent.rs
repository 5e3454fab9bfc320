//! The reference implementation of TUF reads what is written here.

use std::process::Command;

use super::*;
use crate::tuf::{Online, RootPlan};

/// Names the interpreter that has the package `tuf`; the one on the path is asked if it is not set.
const PYTHON: &str = "AUTO_UPDATE_TUF_PYTHON";

/// Goes from the root in its first argument to the files in the repository in its second, as a client does, with a
/// fetcher that reads a folder; prints what it verified.
const CLIENT: &str = r#"
import os, sys, tempfile
from urllib.parse import unquote, urlsplit
from tuf.ngclient import Updater, FetcherInterface, UpdaterConfig
from tuf.api.exceptions import DownloadHTTPError
from tuf.api.metadata import Metadata

root, repository = sys.argv[1:]

class Folder(FetcherInterface):
    def _fetch(self, url):
        path = os.path.join(repository, unquote(urlsplit(url).path).lstrip("/"))
        try:
            with open(path, "rb") as file:
                yield file.read()
        except FileNotFoundError:
            raise DownloadHTTPError("not there", 404)

with tempfile.TemporaryDirectory() as state:
    updater = Updater(
        metadata_dir=os.path.join(state, "metadata"),
        metadata_base_url="https://somewhere/tuf/",
        target_dir=state,
        target_base_url="https://somewhere/",
        fetcher=Folder(),
        bootstrap=open(root, "rb").read(),
    )
    updater.refresh()
    targets = Metadata.from_file(os.path.join(state, "metadata", "targets.json"))
    for name in sorted(targets.signed.targets):
        info = updater.get_targetinfo(name)
        updater.download_target(info, os.path.join(state, "target"))
        print(name, info.hashes["sha256"])
    print("root", Metadata.from_file(os.path.join(state, "metadata", "root.json")).signed.version)
"#;

fn python() -> Option<String> {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let asked = Command::new(&python)
        .args(["-c", "import tuf.ngclient, securesystemslib"])
        .output();
    if asked.is_ok_and(|asked| asked.status.success()) {
        return Some(python);
    }
    println!("skipped: `{python}` has no package `tuf` (set {PYTHON} to one that has)");
    None
}

fn ask(python: &str, root: &Path, repository: &Path) -> Result<String, String> {
    let output = Command::new(python)
        .args(["-c", CLIENT])
        .args([root, repository])
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn the_reference_client_verifies_what_is_written_here() {
    let Some(python) = python() else {
        return;
    };
    let house = House::new();
    house.put(Kind::Manifests, "groups/\u{fc} \"x\" \\y", b"manifest 2");
    house.refresh();
    let root = house.folder.path().join("trusted.json");
    std::fs::write(&root, house.root(1)).unwrap();
    for _ in 0..2 {
        let plan = RootPlan {
            rotate: Online::ALL.into(),
            rotate_root: true,
            ..RootPlan::default()
        };
        let draft = house.tuf.draft(&plan, house.now).unwrap();
        house
            .tuf
            .adopt(&house.repository, &draft.bytes, house.now)
            .unwrap();
    }
    let ours = house.verify().unwrap();
    let mut expected: Vec<String> = ours
        .files
        .iter()
        .map(|(name, sha256)| format!("{name} {sha256}"))
        .collect();
    expected.push("root 3".to_owned());
    let found = ask(&python, &root, house.repository.root()).unwrap();
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);

    house.put(Kind::Catalogs, "testing", b"testing x");
    let why = ask(&python, &root, house.repository.root()).unwrap_err();
    assert!(why.contains("LengthOrHashMismatchError"), "{why}");
    house.forge::<tough::schema::Timestamp>(
        "timestamp.json",
        &PrivateKey::generate().unwrap(),
        |_| {},
    );
    let why = ask(&python, &root, house.repository.root()).unwrap_err();
    assert!(why.contains("UnsignedMetadataError"), "{why}");
}
