//! Steps that make images and packages, and take them apart.

use std::{io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;

use crate::bench::Bench;

/// The application `name` in the workspace, with the version 1.2.
fn app(bench: &Bench, name: &str) -> String {
    let contents = bench.path(&format!("{name}/Contents"));
    fs_err::create_dir_all(format!("{contents}/MacOS")).unwrap();
    let info = "<plist><dict><key>CFBundleIdentifier</key><string>org.example.widget</string>\
                <key>CFBundleShortVersionString</key><string>1.2</string></dict></plist>";
    fs_err::write(format!("{contents}/Info.plist"), info).unwrap();
    let program = format!("{contents}/MacOS/Widget");
    fs_err::write(&program, "program").unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    bench.path(name)
}

fn paths(medium: &str) -> Vec<String> {
    let tree = media::open(Path::new(medium)).unwrap();
    let found = media::walk(&*tree, "").unwrap();
    found.into_iter().map(|entry| entry.path).collect()
}

fn read(medium: &str, path: &str) -> String {
    let tree = media::open(Path::new(medium)).unwrap();
    let mut text = String::new();
    tree.open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

const PAYLOAD: [&str; 6] = [
    "Payload/Applications",
    "Payload/Applications/Widget.app",
    "Payload/Applications/Widget.app/Contents",
    "Payload/Applications/Widget.app/Contents/Info.plist",
    "Payload/Applications/Widget.app/Contents/MacOS",
    "Payload/Applications/Widget.app/Contents/MacOS/Widget",
];

#[tokio::test]
async fn an_image_is_made_of_a_folder_and_an_application_in_it_is_packaged() {
    let mut bench = Bench::new().await;
    app(&bench, "root/Widget.app");
    let image = bench.path("Widget.dmg");
    fs_err::write(&image, "an older one").unwrap();
    let arguments = json!({"dmg_root": bench.path("root"), "dmg_path": image});
    bench.step("DmgCreator", arguments).await.unwrap();
    assert_eq!(paths(&image).len(), 5);

    bench
        .env
        .insert("pathname".to_owned(), image.as_str().into());
    let record = bench.step("AppPkgCreator", json!({})).await.unwrap();
    let package = bench.path("Widget-1.2.pkg");
    assert_eq!(bench.text("pkg_path"), package);
    assert_eq!(bench.env["new_package_request"], true.into());
    let (_, summary) = record.summaries().next().unwrap();
    assert_eq!(
        summary["data"].as_dict().unwrap()["identifier"],
        "org.example.widget".into()
    );
    let members = ["Bom", "PackageInfo", "Payload"];
    assert_eq!(paths(&package), [&members[..], &PAYLOAD].concat());
    let tree = media::open(Path::new(&package)).unwrap();
    let program = tree.entry(PAYLOAD[5]).unwrap();
    assert_eq!(
        (program.mode, program.uid, program.gid),
        (0o755, Some(0), Some(80))
    );
    assert_eq!(tree.entry(PAYLOAD[0]).unwrap().mode, 0o775);
    assert!(!Path::new(&bench.path("payload")).exists());

    let bytes = fs_err::read(&package).unwrap();
    // Time passes, and changes nothing.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let again = bench.step("AppPkgCreator", json!({})).await.unwrap();
    assert!(again.summaries().next().is_none());
    assert_eq!(bench.env["new_package_request"], false.into());
    bench
        .step("AppPkgCreator", json!({"force_pkg_build": true}))
        .await
        .unwrap();
    assert!(fs_err::read(&package).unwrap() == bytes);
    bench
        .step(
            "AppPkgCreator",
            json!({"version": "1.3", "pkg_path": package}),
        )
        .await
        .unwrap();
    assert!(fs_err::read(&package).unwrap() != bytes);
}

#[tokio::test]
async fn images_that_cannot_be_made_are_refused() {
    let mut bench = Bench::new().await;
    app(&bench, "root/Widget.app");
    for (key, value) in [
        ("dmg_format", json!("UDRW")),
        ("dmg_filesystem", json!("ExFAT")),
        ("dmg_zlib_level", json!(10)),
    ] {
        let mut arguments =
            json!({"dmg_root": bench.path("root"), "dmg_path": bench.path("x.dmg")});
        arguments[key] = value;
        let mut bench_env = bench.env.clone();
        assert!(bench.step("DmgCreator", arguments).await.is_err(), "{key}");
        std::mem::swap(&mut bench.env, &mut bench_env);
    }
    let arguments = json!({"dmg_root": bench.path("nothing"), "dmg_path": bench.path("x.dmg")});
    let error = bench.step("DmgCreator", arguments).await.unwrap_err();
    assert!(error.message.starts_with("creation of "), "{error}");
}

#[tokio::test]
async fn a_package_is_built_as_the_recipe_asks() {
    let mut bench = Bench::new().await;
    app(&bench, "root/Applications/Widget.app");
    let scripts = bench.path("scripts");
    fs_err::create_dir(&scripts).unwrap();
    let script = bench.path("scripts/postinstall");
    fs_err::write(&script, "#!/bin/sh\n").unwrap();
    bench.env.insert("version".to_owned(), "1.2".into());
    let info = "<pkg-info install-location=\"/\" postinstall-action=\"logout\"/>";
    fs_err::write(bench.path("info"), info).unwrap();
    let arguments = json!({"pkg_request": {
        "pkgroot": "root", "pkgname": "Widget-%version%", "id": "org.example.widget", "scripts": "scripts",
        "infofile": "info", "options": "purge_ds_store", "chown": [
            {"path": "Applications", "user": "root", "group": "admin"},
            {"path": "Applications/Widget.app/Contents/MacOS", "user": 501, "group": "staff", "mode": "0700"},
        ],
    }});
    let error = bench
        .step("PkgCreator", arguments.clone())
        .await
        .unwrap_err();
    assert!(error.message.contains("not executable"), "{error}");
    fs_err::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    bench.step("PkgCreator", arguments.clone()).await.unwrap();
    let package = bench.path("Widget-1.2.pkg");
    let members = [
        &["Bom", "PackageInfo", "Payload"],
        &PAYLOAD[..],
        &["Scripts", "Scripts/postinstall"],
    ];
    assert_eq!(paths(&package), members.concat());
    let tree = media::open(Path::new(&package)).unwrap();
    let program = tree.entry(PAYLOAD[5]).unwrap();
    assert_eq!(
        (program.mode, program.uid, program.gid),
        (0o700, Some(501), Some(20))
    );
    let info = read(&package, "PackageInfo");
    for part in [
        "postinstall-action=\"logout\"",
        "identifier=\"org.example.widget\"",
        "version=\"1.2\"",
    ] {
        assert!(info.contains(part), "{info}");
    }
    bench.step("PkgCreator", arguments).await.unwrap();
    assert_eq!(bench.env["new_package_request"], false.into());
}

#[tokio::test]
async fn packages_that_autopkg_would_not_build_are_refused() {
    let mut bench = Bench::new().await;
    app(&bench, "root/Widget.app");
    std::os::unix::fs::symlink("Widget.app", bench.path("root/Link")).unwrap();
    let good =
        json!({"pkgroot": "root", "pkgname": "Widget", "id": "org.example.widget", "version": "1"});
    let chown = |path: &str, user: &str| json!([{"path": path, "user": user, "group": "admin"}]);
    for (key, value, said) in [
        ("pkgname", json!("../Widget"), "Invalid package name"),
        ("pkgname", json!("Widget.pkg"), "mustn't include"),
        ("id", json!("widget"), "Invalid package id"),
        ("version", json!("beta"), "Invalid version component"),
        ("pkgtype", json!("bundle"), "Unsupported pkgtype bundle"),
        ("scripts", json!("root/none"), "Can't find root/none"),
        (
            "chown",
            chown("Widget.app/../..", "root"),
            ". and .. is not allowed",
        ),
        ("chown", chown("Nothing", "root"), "does not exist"),
        ("chown", chown("Link/Contents", "root"), "is a soft link"),
        (
            "chown",
            chown("Widget.app", "nosuchuser"),
            "Unknown chown user",
        ),
        ("chown", chown("/", "root"), "Empty chown path"),
    ] {
        let mut request = good.clone();
        request[key] = value;
        let error = bench
            .step("PkgCreator", json!({"pkg_request": request}))
            .await
            .unwrap_err();
        assert!(error.message.contains(said), "{key}: {error}");
    }
    bench.env.clear();
    bench.env.insert(
        "RECIPE_CACHE_DIR".to_owned(),
        bench.path("").as_str().into(),
    );
    let error = bench
        .step("PkgCreator", json!({"pkg_request": {"pkgroot": "root"}}))
        .await
        .unwrap_err();
    assert_eq!(error.message, "Request key pkgname missing");
}

#[tokio::test]
async fn a_package_is_taken_apart_and_put_together() {
    let mut bench = Bench::new().await;
    app(&bench, "root/Applications/Widget.app");
    fs_err::create_dir(bench.path("scripts")).unwrap();
    fs_err::write(bench.path("scripts/readme"), "text").unwrap();
    let request = json!({"pkgroot": "root", "pkgname": "Widget", "id": "org.example.widget", "version": "1",
        "scripts": "scripts"});
    bench
        .step("PkgCreator", json!({"pkg_request": request}))
        .await
        .unwrap();
    let package = bench.path("Widget.pkg");
    let arguments = json!({"flat_pkg_path": package, "destination_path": bench.path("apart")});
    bench.step("FlatPkgUnpacker", arguments).await.unwrap();
    let again = bench.path("again.pkg");
    let arguments = json!({"source_flatpkg_dir": bench.path("apart"), "destination_pkg": again});
    bench.step("FlatPkgPacker", arguments).await.unwrap();
    assert_eq!(paths(&again), paths(&package));
    assert_eq!(read(&again, "PackageInfo"), read(&package, "PackageInfo"));
    let arguments = json!({"source_flatpkg_dir": bench.path("none"), "destination_pkg": again});
    assert!(bench.step("FlatPkgPacker", arguments).await.is_err());
}

#[tokio::test]
async fn the_payload_of_a_bundle_goes_to_where_it_would_be_installed() {
    use std::io::Write as _;

    let mut bench = Bench::new().await;
    let contents = bench.path("old.pkg/Contents");
    fs_err::create_dir_all(&contents).unwrap();
    let arguments = json!({"pkg_path": bench.path("old.pkg"), "extract_root": bench.path("out")});
    let error = bench
        .step("PkgExtractor", arguments.clone())
        .await
        .unwrap_err();
    assert_eq!(error.message, "Info.plist not found in pkg");
    let info = |target: &str| {
        format!(
            "<plist><dict><key>IFPkgFlagDefaultLocation</key><string>{target}</string></dict></plist>"
        )
    };
    fs_err::write(format!("{contents}/Info.plist"), info("/Library/Widget")).unwrap();
    let member = |name: &str, contents: &str| {
        format!(
            "070707000001000001100644000000000000000001000000{:011o}{:06o}{:011o}{name}\0{contents}",
            0,
            name.len() + 1,
            contents.len()
        )
    };
    let archive = [member("./file", "text"), member("TRAILER!!!", "")].concat();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(archive.as_bytes()).unwrap();
    fs_err::write(format!("{contents}/Archive.pax.gz"), gzip.finish().unwrap()).unwrap();
    bench.step("PkgExtractor", arguments.clone()).await.unwrap();
    let file = bench.path("out/Library/Widget/file");
    assert_eq!(fs_err::read_to_string(file).unwrap(), "text");
    fs_err::write(format!("{contents}/Info.plist"), info("/../../x")).unwrap();
    assert!(bench.step("PkgExtractor", arguments).await.is_err());
    // The payload by itself, and what is made for flat packages only.
    let payload = bench.path("old.pkg/Contents/Archive.pax.gz");
    let arguments = json!({"pkg_payload_path": payload, "destination_path": bench.path("payload")});
    bench.step("PkgPayloadUnpacker", arguments).await.unwrap();
    let file = bench.path("payload/file");
    assert_eq!(fs_err::read_to_string(file).unwrap(), "text");
    let arguments =
        json!({"flat_pkg_path": bench.path("old.pkg"), "destination_path": bench.path("flat")});
    let error = bench.step("FlatPkgUnpacker", arguments).await.unwrap_err();
    assert!(error.message.contains("PkgExtractor"), "{error}");
}

#[tokio::test]
async fn a_package_info_is_made_of_either_kind_of_template() {
    let mut bench = Bench::new().await;
    app(&bench, "root/Widget.app");
    let plist = "<plist><dict><key>IFPkgFlagRestartAction</key><string>RequireRestart</string>\
                 <key>IFPkgFlagAuthorizationAction</key><string>RootAuthorization</string></dict></plist>";
    fs_err::write(bench.path("Template.plist"), plist).unwrap();
    let flat = "<pkg-info postinstall-action=\"restart\" auth=\"root\" version=\"0\"/>";
    fs_err::write(bench.path("Template"), flat).unwrap();
    for template in ["Template.plist", "Template"] {
        let out = bench.path("PackageInfo");
        let arguments = json!({"template_path": template, "version": "1 & 2", "pkgroot": bench.path("root"),
            "infofile": out, "pkgtype": "flat"});
        bench.step("PkgInfoCreator", arguments).await.unwrap();
        let text = fs_err::read_to_string(&out).unwrap();
        for part in [
            "version=\"1 &amp; 2\"",
            "postinstall-action=\"restart\"",
            "auth=\"root\"",
            "installKBytes=\"2\" numberOfFiles=\"6\"",
        ] {
            assert!(text.contains(part), "{template}: {text}");
        }
    }
    // What is in the current folder, this package's in a test, comes before what is beside the recipe.
    fs_err::write(bench.path("Cargo.toml"), flat).unwrap();
    let arguments = json!({"template_path": "Cargo.toml", "version": "1", "pkgroot": bench.path("root"),
        "infofile": bench.path("PackageInfo"), "pkgtype": "flat"});
    let error = bench.step("PkgInfoCreator", arguments).await.unwrap_err();
    assert_eq!(error.message, "Malformed PackageInfo template Cargo.toml");
}
