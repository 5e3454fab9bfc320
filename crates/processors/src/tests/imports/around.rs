//! The steps around `MunkiImporter`.

use super::*;

#[tokio::test]
async fn installs_items_are_created_below_a_root() {
    let mut bench = Bench::new().await;
    let root = bench.path("unpacked");
    application(Path::new(&root).join("Applications").as_path(), "1.2");
    write(&Path::new(&root).join("etc/widget.conf"), b"x");
    let arguments = json!({
        "faux_root": format!("{root}/"),
        "installs_item_paths": ["/Applications/Widget.app", "/etc/widget.conf", "/gone"],
        "derive_minimum_os_version": true,
        "version_comparison_key": {"/Applications/Widget.app": "CFBundleVersion"},
    });
    bench.env.insert(
        "additional_pkginfo".to_owned(),
        Value::from(&json!({"notes": "kept"})),
    );
    bench
        .env
        .insert("minimum_os_version".to_owned(), "11.5".into());
    bench
        .step("MunkiInstallsItemsCreator", arguments)
        .await
        .unwrap();
    let info = Json::from(&bench.env["additional_pkginfo"]);
    assert_eq!(info["notes"], "kept");
    assert_eq!(info["minimum_os_version"], "12.0");
    let installs = info["installs"].as_array().unwrap();
    assert_eq!(installs.len(), 2);
    assert_eq!(installs[0]["path"], "/Applications/Widget.app");
    assert_eq!(installs[0]["type"], "application");
    assert_eq!(installs[0]["version_comparison_key"], "CFBundleVersion");
    assert_eq!(
        installs[1]["md5checksum"],
        "9dd4e461268c8034f5c8564e155c67a6"
    );
    let said = bench.said();
    assert!(said.contains(&format!(
        "WARNING: Item {root}/gone doesn't exist. Skipping."
    )));
    assert!(said.contains(
        &"Setting minimum os version to: 12.0, as greater than prior value of: 11.5".to_owned()
    ));

    let wrong = json!({"installs_item_paths": ["/etc/widget.conf"], "version_comparison_key": "CFBundleVersion"});
    let error = bench
        .step("MunkiInstallsItemsCreator", wrong)
        .await
        .unwrap_err();
    assert!(
        error.message.contains("for path '/etc/widget.conf'"),
        "{error}"
    );
}

#[tokio::test]
async fn a_whole_munki_recipe_passes_from_image_to_merged_pkginfo() {
    let mut bench = Bench::new().await;
    let dmg = image(&bench, "Widget.dmg", |folder| application(folder, "1.2"));
    bench.env.insert(
        "pkginfo".to_owned(),
        Value::from(&json!({"developer": "Us"})),
    );
    let items = json!({"faux_root": dmg, "installs_item_paths": ["/Widget.app"],
                       "version_comparison_key": "CFBundleVersion"});
    bench
        .step("MunkiInstallsItemsCreator", items)
        .await
        .unwrap();
    bench.step("MunkiPkginfoMerger", json!({})).await.unwrap();
    import(&mut bench, json!({"pkg_path": dmg})).await.unwrap();
    let info = Json::from(&Value::Dict(pkginfo(&bench, "Widget-1.2.plist")));
    assert_eq!(info["developer"], "Us");
    assert_eq!(info["installs"][0]["path"], "/Widget.app");
    assert_eq!(
        info["installs"][0]["version_comparison_key"],
        "CFBundleVersion"
    );
}

#[tokio::test]
async fn receipts_of_what_is_imported_are_made_optional() {
    let mut bench = Bench::new().await;
    let package = bench.path("Widget-1.2.pkg");
    let bytes = component("com.example.widget", "1.2", &[("Library/Widget", b"x")]).unwrap();
    fs_err::write(&package, bytes).unwrap();
    import(&mut bench, json!({"pkg_path": package}))
        .await
        .unwrap();
    let step = |ids: &[&str]| json!({"pkg_ids_set_optional_true": ids});
    let editor = "MunkiOptionalReceiptEditor";
    bench
        .step(editor, step(&["com.example.other"]))
        .await
        .unwrap();
    let optional = |bench: &Bench| {
        let info = Json::from(&Value::Dict(pkginfo(bench, "Widget-1.2.plist")));
        info["receipts"][0]["optional"].clone()
    };
    assert_eq!(optional(&bench), Json::Null);
    bench
        .step(editor, step(&["com.example.widget"]))
        .await
        .unwrap();
    assert_eq!(optional(&bench), true);
    let published = publish_all(&bench);
    assert_eq!(published.files.len(), 2);
    let catalog = repository(&bench).get(Kind::Catalogs, "all").unwrap();
    assert!(
        String::from_utf8(catalog)
            .unwrap()
            .contains("<key>optional</key>")
    );

    // What is published already is not edited, and nothing is done where nothing was imported.
    let error = bench
        .step(editor, step(&["com.example.widget"]))
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .contains("is no pkginfo that this run imports"),
        "{error}"
    );
    bench.env.insert("pkginfo_repo_path".to_owned(), "".into());
    bench
        .step(editor, step(&["com.example.widget"]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_pkginfo_is_made_without_an_import() {
    let mut bench = Bench::new().await;
    let package = bench.path("Widget-1.2.pkg");
    let bytes = component("com.example.widget", "1.2", &[("Library/Widget", b"x")]).unwrap();
    fs_err::write(&package, bytes).unwrap();
    let target = bench.path("info.plist");
    let arguments =
        json!({"pkg_path": package, "info_path": target, "version": "9", "catalog": "canary"});
    bench.step("MunkiInfoCreator", arguments).await.unwrap();
    let info = Json::from(&bench.env["munki_info"]);
    assert_eq!(info["version"], "9");
    assert_eq!(info["catalogs"], json!(["canary"]));
    assert_eq!(info["receipts"][0]["packageid"], "com.example.widget");
    let written = proplist::from_bytes(&fs_err::read(&target).unwrap()).unwrap();
    assert_eq!(written.as_dict().unwrap()["name"], "Widget".into());
    assert_eq!(staged(&bench), [""; 0]);
    let error = bench
        .step("MunkiInfoCreator", json!({"pkg_path": "/nowhere.pkg"}))
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .contains("creating pkginfo for /nowhere.pkg failed"),
        "{error}"
    );
}
