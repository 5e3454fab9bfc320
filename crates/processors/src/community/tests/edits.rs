//! Processors that edit what `MunkiImporter` has made.

use munki::CatalogOptions;
use proplist::Value;
use publication::{FolderRepository, Kind, Unobserved, publish};
use serde_json::{Value as Json, json};
use testkit::package::component;

use super::Shelf;
use crate::StepError;

/// A shelf whose run has imported a package.
async fn imported() -> Shelf {
    let mut shelf = Shelf::new().await;
    let package = shelf.bench.path("Widget-1.2.pkg");
    let bytes = component("com.example.widget", "1.2", &[("Library/Widget", b"x")]).unwrap();
    fs_err::write(&package, bytes).unwrap();
    let arguments = json!({"pkg_path": package});
    shelf.bench.step("MunkiImporter", arguments).await.unwrap();
    shelf.bench.said();
    shelf
}

/// Has a processor do `edit` with the pkginfo.
async fn edit(shelf: &mut Shelf, edit: &str) -> Result<(), StepError> {
    let body = format!(
        "from plistlib import readPlist, writePlist\npath = self.env['pkginfo_repo_path']\n\
         pkginfo = readPlist(path)\n{edit}\nif os.path.isfile(path):\n    writePlist(pkginfo, path)"
    );
    shelf.run(&body, json!({})).await.map(|_record| ())
}

#[tokio::test]
async fn what_a_processor_edits_of_a_pkginfo_is_published() {
    let mut shelf = imported().await;
    edit(&mut shelf, "pkginfo['receipts'][0]['optional'] = True")
        .await
        .unwrap();
    assert_eq!(
        shelf.bench.said(),
        ["pkgsinfo/Widget-1.2.plist was edited, and is published as it is now"]
    );
    // Written anew with nothing changed, though in another form: once more, and then not.
    edit(&mut shelf, "").await.unwrap();
    shelf.bench.said();
    let unchanged = "os.utime(path)\nreturn";
    edit(&mut shelf, unchanged).await.unwrap();
    assert_eq!(shelf.bench.said(), [""; 0]);
    let set = shelf.bench.context.staging.take();
    let place = shelf.bench.context.staging.repository();
    let place = place.path_for(Kind::Pkgs, "x").unwrap();
    let repository = FolderRepository::open(place.ancestors().nth(2).unwrap()).unwrap();
    publish(
        &repository,
        &set,
        CatalogOptions::default(),
        &Unobserved,
        model::Timestamp::from_secs(1),
    )
    .unwrap();
    let published = publication::Repository::get(&repository, Kind::Pkgsinfo, "Widget-1.2.plist");
    let Ok(Value::Dict(pkginfo)) = proplist::from_bytes(&published.unwrap()) else {
        panic!("no pkginfo was published");
    };
    let pkginfo = Json::from(&Value::Dict(pkginfo));
    assert_eq!(pkginfo["receipts"][0]["optional"], true);
    assert_eq!(pkginfo["name"], "Widget");
}

#[tokio::test]
async fn what_a_processor_leaves_in_the_place_of_a_pkginfo_is_refused() {
    for (left, why) in [
        (
            "pkginfo['version'] = '9'",
            "`version` was edited after the item was imported",
        ),
        (
            "pkginfo['installer_item_hash'] = '0' * 64",
            "`installer_item_hash` was edited",
        ),
        ("pkginfo = ['Widget']", "it holds no dictionary"),
        ("open(path, 'w').write('soon')\nreturn", "is no pkginfo"),
        (
            "os.remove(path)\nos.mkfifo(path)",
            "no file of a usual length",
        ),
        (
            "os.remove(path)\nos.symlink('elsewhere', path)",
            "no file of a usual length",
        ),
        ("os.remove(path)", "No such file"),
    ] {
        let mut shelf = imported().await;
        let failed = edit(&mut shelf, left).await.unwrap_err();
        assert!(failed.message.contains(why), "{left}: {failed}");
    }
}
