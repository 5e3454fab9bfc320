//! Imports into a real repository: what is staged, and what is known already.

mod around;

use std::path::{Path, PathBuf};

use model::{FailureClass, Sha256};
use munki::CatalogOptions;
use proplist::{Dict, Value};
use publication::{ChangeSet, FolderRepository, Kind, Repository as _, Unobserved, publish};
use serde_json::{Value as Json, json};
use testkit::package::{component, icon, png};

use crate::{StepError, StepRecord, bench::Bench};

fn info_plist(version: &str) -> Vec<u8> {
    let info: Dict = [
        ("CFBundleName", "Widget"),
        ("CFBundleIdentifier", "com.example.widget"),
        ("CFBundleShortVersionString", version),
        ("CFBundleVersion", "42"),
        ("CFBundleIconFile", "Widget"),
        ("LSMinimumSystemVersion", "12.0"),
    ]
    .iter()
    .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
    .collect();
    let text = proplist::to_xml(&info.into(), proplist::KeyOrder::AsIs).unwrap();
    text.into_bytes()
}

fn write(path: &Path, bytes: &[u8]) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, bytes).unwrap();
}

/// Writes an application of that version to the folder.
fn application(folder: &Path, version: &str) {
    let contents = folder.join("Widget.app/Contents");
    write(&contents.join("Info.plist"), &info_plist(version));
    write(&contents.join("MacOS/Widget"), b"#!/bin/sh\n");
    let picture = png(512).unwrap();
    write(
        &contents.join("Resources/Widget.icns"),
        &icon(&[(b"ic09", &picture)]),
    );
}

/// A disk image with an application, or with whatever `fill` puts there.
fn image(bench: &Bench, name: &str, fill: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let path = bench.path(name);
    media::write::dmg(folder.path(), "Widget", Path::new(&path)).unwrap();
    path
}

async fn import(bench: &mut Bench, arguments: Json) -> Result<StepRecord, StepError> {
    bench.step("MunkiImporter", arguments).await
}

fn repository(bench: &Bench) -> FolderRepository {
    let path = bench
        .context
        .staging
        .repository()
        .path_for(Kind::Pkgs, "x")
        .unwrap();
    FolderRepository::open(path.ancestors().nth(2).unwrap()).unwrap()
}

/// Publishes what is staged, as the engine does after a run.
fn publish_all(bench: &Bench) -> ChangeSet {
    let set = bench.context.staging.take();
    publish(
        &repository(bench),
        &set,
        CatalogOptions::default(),
        &Unobserved,
        model::Timestamp::from_secs(1),
    )
    .unwrap();
    set
}

/// What is staged: kind and location.
fn staged(bench: &Bench) -> Vec<String> {
    let mut staged = Vec::new();
    for kind in Kind::ALL {
        for location in bench.context.staging.list(kind).unwrap() {
            if bench.context.staging.staged_path(kind, &location).is_some() {
                staged.push(format!("{kind}/{location}"));
            }
        }
    }
    staged
}

fn pkginfo(bench: &Bench, location: &str) -> Dict {
    let path = bench
        .context
        .staging
        .staged_path(Kind::Pkgsinfo, location)
        .unwrap();
    let pkginfo = proplist::from_bytes(&fs_err::read(path).unwrap()).unwrap();
    pkginfo.as_dict().unwrap().clone()
}

fn digest(path: &str) -> String {
    Sha256::of(&fs_err::read(path).unwrap()).to_string()
}

#[tokio::test]
async fn a_new_application_is_staged_with_its_icon_and_nothing_is_published() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    let arguments = json!({
        "pkg_path": dmg,
        "repo_subdirectory": "apps/widget",
        "extract_icon": true,
        "metadata_additions": {"source": "test"},
        "pkginfo": {"catalogs": ["testing", "canary"], "name": "Widget", "display_name": "The Widget",
                    "force_install_after_date": "2027-01-02T03:04:05Z"},
    });
    import(&mut bench, arguments).await.unwrap();
    assert_eq!(
        staged(&bench),
        [
            "icons/Widget.png",
            "pkgs/apps/widget/Widget-1.2.dmg",
            "pkgsinfo/apps/widget/Widget-1.2.plist"
        ]
    );
    let info = pkginfo(&bench, "apps/widget/Widget-1.2.plist");
    assert_eq!(info["installer_item_hash"], digest(&dmg).into());
    assert_eq!(
        info["installer_item_location"],
        "apps/widget/Widget-1.2.dmg".into()
    );
    assert_eq!(info["installer_type"], "copy_from_dmg".into());
    assert_eq!(info["minimum_os_version"], "12.0".into());
    assert_eq!(info["display_name"], "The Widget".into());
    assert_eq!(
        info["_metadata"].as_dict().unwrap()["source"],
        "test".into()
    );
    assert!(matches!(info["force_install_after_date"], Value::Date(_)));
    assert_eq!(bench.env["munki_repo_changed"], true.into());
    assert_eq!(bench.env["munki_info"].as_dict().unwrap().len(), info.len());
    assert_eq!(digest(bench.text("pkg_path")), digest(&dmg));
    let repository = bench.context.staging.repository();
    assert!(
        Kind::ALL
            .iter()
            .all(|kind| repository.list(*kind).unwrap().is_empty())
    );
}

#[tokio::test]
async fn what_was_staged_is_reported_and_published() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    let arguments = json!({
        "pkg_path": dmg, "repo_subdirectory": "apps/widget", "extract_icon": true,
        "pkginfo": {"catalogs": ["testing", "canary"]},
    });
    let record = import(&mut bench, arguments).await.unwrap();
    let (name, summary) = record.summaries().next().unwrap();
    assert_eq!(name, "munki_importer_summary_result");
    let row = Json::from(&summary["data"]);
    assert_eq!(
        row,
        json!({"name": "Widget", "version": "1.2", "catalogs": "testing,canary",
               "pkginfo_path": "apps/widget/Widget-1.2.plist",
               "pkg_repo_path": "apps/widget/Widget-1.2.dmg", "icon_repo_path": "Widget.png"})
    );
    let set = publish_all(&bench);
    let [item] = set.items().unwrap().try_into().unwrap();
    assert_eq!(
        (item.name.as_str(), item.version.as_str()),
        ("Widget", "1.2")
    );
    assert_eq!(item.sha256.unwrap().to_string(), digest(&dmg));
    let catalog = repository_get(&bench, Kind::Catalogs, "canary");
    assert!(
        String::from_utf8(catalog)
            .unwrap()
            .contains("apps/widget/Widget-1.2.dmg")
    );
}

fn repository_get(bench: &Bench, kind: Kind, location: &str) -> Vec<u8> {
    bench
        .context
        .staging
        .repository()
        .get(kind, location)
        .unwrap()
}

#[tokio::test]
async fn an_item_is_imported_once_whether_it_is_staged_or_published() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    // Other bytes, but the same application.
    let again = image(&bench, "Again.dmg", |folder| {
        application(folder, "1.2");
        write(&folder.join("Read me"), b"new");
    });
    import(&mut bench, json!({"pkg_path": dmg})).await.unwrap();
    for published in [false, true] {
        if published {
            publish_all(&bench);
        }
        let before = staged(&bench);
        for path in [&dmg, &again] {
            let record = import(&mut bench, json!({"pkg_path": path})).await.unwrap();
            assert!(record.summaries().next().is_none());
            assert_eq!(bench.env["munki_repo_changed"], false.into());
            assert_eq!(bench.text("pkginfo_repo_path"), "");
            assert!(PathBuf::from(bench.text("pkg_repo_path")).ends_with("Widget-1.2.dmg"));
            assert_eq!(staged(&bench), before);
        }
        let said = bench.said().join("\n");
        let words = "Item Again.dmg already exists in the munki repo as pkgs/Widget-1.2.dmg.";
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn a_new_version_and_other_architectures_are_new_items() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    import(&mut bench, json!({"pkg_path": dmg})).await.unwrap();
    publish_all(&bench);
    let newer = image(&bench, "Widget.dmg", |folder| application(folder, "1.3"));
    import(&mut bench, json!({"pkg_path": newer}))
        .await
        .unwrap();
    assert_eq!(
        staged(&bench),
        ["pkgs/Widget-1.3.dmg", "pkgsinfo/Widget-1.3.plist"]
    );
    let other = json!({"pkg_path": newer, "pkginfo": {"supported_architectures": ["arm64"]}});
    import(&mut bench, other).await.unwrap();
    assert_eq!(
        staged(&bench),
        [
            "pkgs/Widget-1.3.dmg",
            "pkgs/Widget-1.3__1.dmg",
            "pkgsinfo/Widget-1.3.plist",
            "pkgsinfo/Widget-1.3__1.plist"
        ]
    );
}

#[tokio::test]
async fn by_the_rules_of_releases_another_limit_is_news_and_other_bytes_are_none() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    import(&mut bench, json!({"pkg_path": dmg})).await.unwrap();
    publish_all(&bench);
    let again = image(&bench, "Again.dmg", |folder| {
        application(folder, "1.2");
        write(&folder.join("Read me"), b"new");
    });
    let by_release = |more: Json| json!({"pkg_path": again, "MUNKI_SAME_ITEM_RULES": "release", "pkginfo": more});
    import(&mut bench, by_release(json!({}))).await.unwrap();
    assert_eq!(bench.env["munki_repo_changed"], false.into());
    let said = bench.said().join("\n");
    assert!(said.contains("other bytes"), "{said}");

    // MunkiImporter's own rules see the same application.
    let limit = json!({"minimum_os_version": "13.0"});
    let importer =
        json!({"pkg_path": again, "MUNKI_SAME_ITEM_RULES": "importer", "pkginfo": limit});
    import(&mut bench, importer).await.unwrap();
    assert_eq!(bench.env["munki_repo_changed"], false.into());
    import(&mut bench, by_release(limit)).await.unwrap();
    assert_eq!(bench.env["munki_repo_changed"], true.into());
    assert_eq!(
        staged(&bench),
        ["pkgs/Again-1.2.dmg", "pkgsinfo/Widget-1.2__1.plist"]
    );
}

#[tokio::test]
async fn taken_names_get_numbers_and_icons_are_not_replaced() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    let arguments = json!({"pkg_path": dmg, "repo_subdirectory": "/apps/", "extract_icon": true,
                           "MUNKI_PKGINFO_FILE_EXTENSION": ""});
    import(&mut bench, arguments.clone()).await.unwrap();
    publish_all(&bench);
    for number in 1..3 {
        let mut forced = arguments.clone();
        forced["force_munkiimport"] = true.into();
        import(&mut bench, forced).await.unwrap();
        assert!(
            bench
                .text("pkg_repo_path")
                .ends_with(&format!("apps/Widget-1.2__{number}.dmg"))
        );
        assert!(
            bench
                .text("pkginfo_repo_path")
                .ends_with(&format!("apps/Widget-1.2__{number}"))
        );
        let summary = bench.env["munki_importer_summary_result"]
            .as_dict()
            .unwrap();
        assert_eq!(
            summary["data"].as_dict().unwrap()["icon_repo_path"],
            "Widget.png".into()
        );
    }
    assert!(
        !staged(&bench)
            .iter()
            .any(|place| place.starts_with("icons/"))
    );
    let info = pkginfo(&bench, "apps/Widget-1.2__2");
    assert_eq!(
        info["installer_item_location"],
        "apps/Widget-1.2__2.dmg".into()
    );
    publish_all(&bench);
}

#[tokio::test]
async fn a_package_in_an_image_and_a_flat_one_are_imported() {
    let mut bench = Bench::new().await;
    let package = component("com.example.widget.pkg", "2.0", &[("Library/Widget", b"x")]).unwrap();
    let dmg = image(&bench, "Suite.dmg", |folder| {
        write(&folder.join("Extras/Widget-2.0.pkg"), &package);
        application(folder, "9");
    });
    let uninstaller = bench.path("Remove.pkg");
    fs_err::write(
        &uninstaller,
        component("com.example.remove", "1", &[("x", b"")]).unwrap(),
    )
    .unwrap();
    let arguments = json!({
        "pkg_path": dmg, "munkiimport_pkgname": "Extras/Widget-2.0.pkg", "uninstaller_pkg_path": uninstaller,
        "additional_makepkginfo_options": ["--owner=root", "--pkgvers", "2.0.1"],
    });
    import(&mut bench, arguments).await.unwrap();
    assert_eq!(
        staged(&bench),
        [
            "pkgs/Remove-2.0.1.pkg",
            "pkgs/Suite-2.0.1.dmg",
            "pkgsinfo/Widget-2.0.1.plist"
        ]
    );
    let info = pkginfo(&bench, "Widget-2.0.1.plist");
    assert_eq!(info["package_path"], "Extras/Widget-2.0.pkg".into());
    assert_eq!(info["uninstall_method"], "uninstall_package".into());
    assert_eq!(info["uninstaller_item_location"], "Remove-2.0.1.pkg".into());
    let receipt = info["receipts"].as_array().unwrap()[0].as_dict().unwrap();
    assert_eq!(receipt["packageid"], "com.example.widget.pkg".into());
    publish_all(&bench);

    // The same receipts in a file of its own are no news.
    let flat = bench.path("Widget.pkg");
    fs_err::write(&flat, &package).unwrap();
    for name in [
        "munkiimport_pkgname",
        "uninstaller_pkg_path",
        "additional_makepkginfo_options",
    ] {
        bench.env.shift_remove(name);
    }
    import(&mut bench, json!({"pkg_path": flat})).await.unwrap();
    assert_eq!(bench.env["munki_repo_changed"], false.into());
    fs_err::write(
        &flat,
        component("com.example.widget.pkg", "2.1", &[]).unwrap(),
    )
    .unwrap();
    import(&mut bench, json!({"pkg_path": flat})).await.unwrap();
    assert_eq!(
        staged(&bench),
        ["pkgs/Widget-2.1.pkg", "pkgsinfo/Widget-2.1.plist"]
    );
}

#[tokio::test]
async fn a_staged_package_is_imported_again_from_where_it_waits() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    import(&mut bench, json!({"pkg_path": dmg})).await.unwrap();
    let again = json!({"force_munkiimport": true, "pkginfo": {"name": "Other"}});
    import(&mut bench, again).await.unwrap();
    assert_eq!(
        staged(&bench),
        [
            "pkgs/Widget-1.2.dmg",
            "pkgsinfo/Other-1.2.plist",
            "pkgsinfo/Widget-1.2.plist"
        ]
    );
    publish_all(&bench);
}

/// Arguments, class of the failure and words of its message.
fn refused(
    dmg: &str,
    [missing, no_image, broken]: [&str; 3],
) -> [(Json, FailureClass, &'static str); 11] {
    use FailureClass::{Configuration, Import, Package};
    [
        (json!({"pkg_path": missing}), Import, "does not exist"),
        (json!({"pkg_path": no_image}), Import, "is no disk image"),
        (json!({"pkg_path": broken}), Import, "`PackageInfo` in"),
        (
            json!({"pkg_path": dmg, "munkiimport_appname": "Gadget.app"}),
            Import,
            "there is no `Gadget.app` in it",
        ),
        (
            json!({"pkg_path": dmg, "additional_makepkginfo_options": ["--colour"]}),
            Configuration,
            "no option `--colour`",
        ),
        (
            json!({"pkg_path": dmg, "version_comparison_key": "Build"}),
            Package,
            "version_comparison_key 'Build' could not be found",
        ),
        (
            json!({"pkg_path": dmg, "repo_subdirectory": "../outside"}),
            Import,
            "begins with a full stop",
        ),
        (
            json!({"pkg_path": dmg, "pkginfo": {"version": "1/2"}}),
            Import,
            "cannot be the name of a file",
        ),
        (
            json!({"pkg_path": dmg, "pkginfo": {"version": 1.5}}),
            Configuration,
            "must be text, and is float",
        ),
        (
            json!({"pkg_path": dmg, "MUNKI_REPO_PLUGIN": "MWA2APIRepo"}),
            Configuration,
            "plug-ins",
        ),
        (
            json!({"pkg_path": dmg, "MUNKI_SAME_ITEM_RULES": "all"}),
            Configuration,
            "there are `importer` and `release`",
        ),
    ]
}

#[tokio::test]
async fn plug_ins_that_only_name_a_repository_give_way_to_the_configured_one() {
    for (plugin, words) in [
        ("FileRepo", ""),
        ("", ""),
        ("GitFileRepo", "nothing is committed to git"),
        ("s3Repo", "that the configuration of this program names"),
        ("GCSRepo", "that the configuration of this program names"),
    ] {
        let mut bench = Bench::new().await;
        let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
        let arguments = json!({"pkg_path": dmg, "MUNKI_REPO_PLUGIN": plugin});
        import(&mut bench, arguments).await.unwrap();
        let said = bench.said().join("\n");
        assert!(said.contains(words), "{said}");
        assert_eq!(staged(&bench).len(), 2, "{plugin}");
    }
}

#[tokio::test]
async fn a_version_that_munki_6_and_7_order_differently_is_warned_of() {
    for (version, warned) in [
        ("1.2", false),
        ("1.2.3_1~b", false),
        ("1.2.3-4", true),
        ("1.2 (456)", true),
        ("99999999999999999999", true),
    ] {
        let mut bench = Bench::new().await;
        let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
        let arguments = json!({"pkg_path": dmg, "pkginfo": {"version": version}});
        import(&mut bench, arguments).await.unwrap();
        let said = bench.said().join("\n");
        assert_eq!(said.contains("do not order alike"), warned, "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_imported_is_told_and_nothing_is_staged() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    let no_image = bench.path("Page.dmg");
    fs_err::write(&no_image, b"<html>Not found</html>").unwrap();
    let broken = bench.path("Broken.pkg");
    fs_err::write(
        &broken,
        testkit::package::flat(&[("PackageInfo", b"<pkg-info")]).unwrap(),
    )
    .unwrap();
    let missing = bench.path("Gone.dmg");
    for (arguments, class, words) in refused(&dmg, [&missing, &no_image, &broken]) {
        let before = bench.env.clone();
        let error = import(&mut bench, arguments).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(words), "{error}");
        assert!(bench.context.staging.is_empty(), "{words}");
        bench.env = before;
    }
    let catalog = bench
        .context
        .staging
        .repository()
        .path_for(Kind::Catalogs, "all")
        .unwrap();
    write(&catalog, b"<plist><dict/></plist>");
    let error = import(&mut bench, json!({"pkg_path": dmg}))
        .await
        .unwrap_err();
    assert!(
        error.message.starts_with("Error reading 'all' catalog"),
        "{error}"
    );
}

#[tokio::test]
async fn a_damaged_icon_does_not_stop_an_import() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| {
        application(folder, "1.2");
        write(
            &folder.join("Widget.app/Contents/Resources/Widget.icns"),
            b"icns",
        );
    });
    import(&mut bench, json!({"pkg_path": dmg, "extract_icon": true}))
        .await
        .unwrap();
    assert_eq!(bench.text("icon_repo_path"), "");
    assert!(
        bench
            .said()
            .iter()
            .any(|line| line.starts_with("WARNING: No icon was extracted"))
    );
}
