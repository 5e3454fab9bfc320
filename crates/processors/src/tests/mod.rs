//! Steps tried on the bench.

mod files;
mod imports;
mod packaging;
mod proofs;

use std::os::unix::fs::PermissionsExt as _;

use fetch::Pin;
use model::FailureClass;
use serde_json::json;
use testkit::vendor::{LAST_MODIFIED, Resource};

use crate::{
    Env, Registry,
    bench::{Bench, call, corpus},
    pinned, verify,
};

#[tokio::test]
async fn a_download_is_known_again_only_after_a_good_run() {
    let mut bench = Bench::new().await;
    bench.vendor.put("/Widget.zip", Resource::file("one"));
    let url = json!({"url": bench.vendor.url("/Widget.zip")});

    let first = bench.step("URLDownloader", url.clone()).await.unwrap();
    assert_eq!(bench.env["download_changed"], true.into());
    assert_eq!(bench.text("last_modified"), LAST_MODIFIED);
    let (name, summary) = first.summaries().next().unwrap();
    assert_eq!(name, "url_downloader_summary_result");
    assert_eq!(
        summary["data"].as_dict().unwrap()["download_path"],
        bench.path("downloads/Widget.zip").into()
    );

    // The run fails: the next one gets the file again, and calls it changed again.
    let again = bench.step("URLDownloader", url.clone()).await.unwrap();
    assert!(again.summaries().next().is_some());
    bench.context.downloads.commit().unwrap();

    let known = bench.step("URLDownloader", url).await.unwrap();
    assert_eq!(bench.env["download_changed"], false.into());
    assert!(known.summaries().next().is_none());
    assert_eq!(bench.vendor.seen()[2].status, 304);
    let all = bench.context.downloads.all();
    let changed: Vec<bool> = all.iter().map(|download| download.changed).collect();
    assert_eq!(changed, [true, true, false]);
    let names: Vec<_> = fs_err::read_dir(bench.path("downloads")).unwrap().collect();
    assert_eq!(names.len(), 1);
}

#[tokio::test]
async fn without_validators_bytes_decide_and_not_lengths() {
    let mut bench = Bench::new().await;
    bench.vendor.put("/f", Resource::page("one"));
    let url = json!({"url": bench.vendor.url("/f"), "filename": "f.dmg"});
    for (page, changed) in [("one", true), ("one", false), ("two", true)] {
        bench.vendor.put("/f", Resource::page(page));
        bench.step("URLDownloader", url.clone()).await.unwrap();
        assert_eq!(bench.env["download_changed"], changed.into(), "{page}");
        bench.context.downloads.commit().unwrap();
    }
}

#[tokio::test]
async fn the_python_downloader_writes_down_what_it_got() {
    let mut bench = Bench::new().await;
    bench.vendor.put("/Widget.zip", Resource::file("one"));
    let url = bench.vendor.url("/Widget.zip");
    let arguments = json!({"url": url, "COMPUTE_HASHES": true});
    bench
        .step("URLDownloaderPython", arguments.clone())
        .await
        .unwrap();
    assert_eq!(bench.text("filename"), "Widget.zip");
    let info = fs_err::read_to_string(bench.path("downloads/Widget.zip.info.json")).unwrap();
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["file_name"], "Widget.zip");
    assert_eq!(info["file_size"], 3);
    assert_eq!(info["http_headers"]["Last-Modified"], LAST_MODIFIED);
    assert_eq!(info["file_sha256"], model::Sha256::of(b"one").to_string());
    bench.context.downloads.commit().unwrap();
    bench.step("URLDownloaderPython", arguments).await.unwrap();
    assert_eq!(bench.env["download_changed"], false.into());

    // Another file of the same length, where only lengths are to count.
    bench.vendor.put("/Widget.zip", Resource::file("two"));
    let arguments = json!({"url": url, "HEADERS_TO_TEST": ["Content-Length"]});
    bench.step("URLDownloaderPython", arguments).await.unwrap();
    assert_eq!(bench.env["download_changed"], false.into());
}

#[tokio::test]
async fn a_withdrawn_file_fails_in_curls_words() {
    let mut bench = Bench::new().await;
    let url = json!({"url": bench.vendor.url("/gone.zip")});
    let error = bench.step("URLDownloader", url).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "curl: (22) The requested URL returned error: 404"
    );
    assert_eq!(error.class, FailureClass::Download);
}

#[tokio::test]
async fn the_server_may_name_the_file_but_not_its_folder() {
    let mut bench = Bench::new().await;
    let named = Resource::file("x").with_header(
        "content-disposition",
        "attachment; filename=\"../../App.dmg\"; a=b",
    );
    bench.vendor.put("/get", named);
    let url = json!({"url": bench.vendor.url("/get"), "prefetch_filename": true});
    bench.step("URLDownloader", url).await.unwrap();
    assert_eq!(bench.text("pathname"), bench.path("downloads/App.dmg"));
    let climbing =
        json!({"url": bench.vendor.url("/get"), "prefetch_filename": false, "filename": "../x"});
    assert!(bench.step("URLDownloader", climbing).await.is_err());
}

#[tokio::test]
async fn options_that_are_not_understood_stop_the_step() {
    let mut bench = Bench::new().await;
    bench.vendor.put("/f", Resource::page("v1.2"));
    let arguments =
        json!({"url": bench.vendor.url("/f"), "re_pattern": "v(.*)", "curl_opts": ["-k"]});
    let error = bench.step("URLTextSearcher", arguments).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Configuration);
    assert!(error.message.contains("`-k`"), "{error}");
}

#[tokio::test]
async fn searches_pages_as_python_would() {
    let mut bench = Bench::new().await;
    bench
        .vendor
        .put("/f", Resource::page("<a href='/W-1.2.zip'>W</a>"));
    let url = bench.vendor.url("/f");
    let arguments = json!({"url": url, "re_pattern": "(?P<path>/W-(?P<ver>[\\d.]+)\\.zip)'"});
    let record = bench.step("URLTextSearcher", arguments).await.unwrap();
    let names: Vec<&String> = record.output.keys().collect();
    assert_eq!(names, ["path", "ver", "match"]);
    assert_eq!(bench.text("match"), "/W-1.2.zip");
    assert!(
        bench
            .said()
            .contains(&"Found matching text (ver): 1.2".to_owned())
    );

    let arguments = json!({"url": url, "re_pattern": "never"});
    let error = bench.step("URLTextSearcher", arguments).await.unwrap_err();
    assert_eq!(error.class, FailureClass::SourceChanged);
    assert_eq!(error.message, format!("No match found on URL: {url}"));
}

#[tokio::test]
async fn plain_http_says_what_it_relies_on() {
    let mut bench = Bench::new().await;
    bench.context.pin = Some(Pin::Signature);
    bench.vendor.put("/f", Resource::page("x"));
    let url = json!({"url": bench.vendor.url("/f")});
    bench.step("URLDownloader", url).await.unwrap();
    let said = bench.said();
    assert!(said[0].contains("relies on the signature"), "{said:?}");
}

#[tokio::test]
async fn copies_as_autopkg_does() {
    let mut bench = Bench::new().await;
    fs_err::create_dir_all(bench.path("a/App.app/Contents/MacOS")).unwrap();
    let program = bench.path("a/App.app/Contents/MacOS/App");
    fs_err::write(&program, "#!").unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    fs_err::os::unix::fs::symlink("MacOS/App", bench.path("a/App.app/Contents/link")).unwrap();

    let copy = json!({"source_path": "%RECIPE_CACHE_DIR%/a/*.app", "destination_path": "%RECIPE_CACHE_DIR%/b/New.app"});
    bench.step("Copier", copy.clone()).await.unwrap();
    let copied = fs_err::metadata(bench.path("b/New.app/Contents/MacOS/App")).unwrap();
    assert_eq!(copied.permissions().mode() & 0o777, 0o755);
    assert_eq!(
        fs_err::read_link(bench.path("b/New.app/Contents/link"))
            .unwrap()
            .to_str(),
        Some("MacOS/App")
    );
    let error = bench.step("Copier", copy).await.unwrap_err();
    let (from, to) = (bench.path("a/App.app"), bench.path("b/New.app"));
    assert_eq!(
        error.message,
        format!("Can't copy {from} to {to}: [Errno 17] File exists: '{to}'")
    );
    bench
        .step(
            "Copier",
            json!({"source_path": from, "destination_path": to, "overwrite": true}),
        )
        .await
        .unwrap();
    let error = bench
        .step(
            "Copier",
            json!({"source_path": bench.path("none*"), "destination_path": to}),
        )
        .await
        .unwrap_err();
    assert!(
        error.message.starts_with("Error processing path"),
        "{error}"
    );
}

#[tokio::test]
async fn deletes_only_what_is_there() {
    let mut bench = Bench::new().await;
    fs_err::create_dir_all(bench.path("a/b")).unwrap();
    let list = json!({"path_list": ["%RECIPE_CACHE_DIR%/a"]});
    bench.step("PathDeleter", list.clone()).await.unwrap();
    let error = bench.step("PathDeleter", list).await.unwrap_err();
    assert!(error.message.ends_with("it does not exist!"), "{error}");
}

#[tokio::test]
async fn an_undefined_reference_leaves_the_text_whole_and_a_whole_one_keeps_its_type() {
    let mut bench = Bench::new().await;
    bench.env.insert("flag".to_owned(), true.into());
    let arguments = json!({"a": "%NAME%-%missing%", "b": "%flag%", "c": "x%flag%", "d": "%c%!"});
    bench.step("VariableSetter", arguments).await.unwrap();
    assert_eq!(bench.text("a"), "%NAME%-%missing%");
    assert_eq!(bench.env["b"], true.into());
    assert_eq!(bench.text("d"), "xTrue!");
    assert!(bench.said()[0].contains("'missing'"));
}

#[tokio::test]
async fn a_missing_argument_and_an_abstract_step_are_told() {
    let mut bench = Bench::new().await;
    let error = bench.step("Copier", json!({})).await.unwrap_err();
    assert_eq!(error.message, "Copier requires source_path");
    assert!(bench.step("DmgMounter", json!({})).await.is_err());
    let error = bench.step("Frobnicator", json!({})).await.unwrap_err();
    assert_eq!(
        error.message,
        "Unknown processor 'Frobnicator' in Widget.download.recipe."
    );
}

#[test]
fn a_plan_is_looked_over_before_it_runs() {
    let registry = Registry::native();
    let message = |calls: &[crate::Call]| {
        verify(&registry, calls, &Env::new()).map_err(|error| error.message)
    };
    let download = |arguments: serde_json::Value| call("URLDownloader", &arguments);

    let used_later = [
        download(json!({"url": "https://v.example/x", "arch": "arm64", "Comment": "why"})),
        call(
            "Versioner",
            &json!({"input_plist_path": "%pathname%/%arch%"}),
        ),
    ];
    assert_eq!(message(&used_later), Ok(Vec::new()));
    let used_below = [download(
        json!({"base": "https://v.example", "url": "%base%/x"}),
    )];
    assert_eq!(message(&used_below), Ok(Vec::new()));

    let misspelt = [download(
        json!({"url": "https://v.example/x", "file_name": "x.dmg"}),
    )];
    let warnings = message(&misspelt).unwrap();
    assert!(warnings[0].contains("'file_name'"), "{warnings:?}");
    assert_eq!(
        message(&[download(json!({}))]),
        Err("URLDownloader requires missing argument url".to_owned())
    );
    let unknown = [call("io.example/Foo", &json!({}))];
    assert!(
        message(&unknown)
            .unwrap_err()
            .contains("Unknown processor 'io.example/Foo'")
    );
}

#[test]
fn a_plan_pins_a_signature_only_if_it_is_checked() {
    let verifier = |arguments: serde_json::Value| [call("CodeSignatureVerifier", &arguments)];
    let env = Env::new();
    assert_eq!(
        pinned(&verifier(json!({"requirement": "anchor apple"})), &env),
        Some(Pin::Signature)
    );
    assert_eq!(pinned(&verifier(json!({"input_path": "x"})), &env), None);
    let disabled = json!({"requirement": "x", "DISABLE_CODE_SIGNATURE_VERIFICATION": "yes"});
    assert_eq!(pinned(&verifier(disabled), &env), None);
}

#[tokio::test]
async fn the_check_of_signatures_is_switched_off_only_where_the_operator_allows_it() {
    let mut bench = Bench::new().await;
    fs_err::create_dir(bench.path("A.app")).unwrap();
    let arguments = json!({
        "input_path": bench.path("A.app"),
        "DISABLE_CODE_SIGNATURE_VERIFICATION": true,
    });
    let step = "CodeSignatureVerifier";
    let error = bench.step(step, arguments.clone()).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Configuration, "{error}");
    assert!(error.to_string().contains("does not allow"), "{error}");

    bench.context.signatures.may_disable = true;
    let record = bench.step(step, arguments).await.unwrap();
    let noted = record.input.get("DISABLE_CODE_SIGNATURE_VERIFICATION");
    assert_eq!(noted, Some(&proplist::Value::Bool(true)));
    let said = bench.said().join("\n");
    assert!(said.contains("verification disabled"), "{said}");
}

#[tokio::test]
async fn a_list_of_revoked_certificates_that_cannot_be_used_stops_the_check() {
    let mut bench = Bench::new().await;
    fs_err::create_dir(bench.path("A.app")).unwrap();
    let list = std::path::PathBuf::from(bench.path("revoked.txt"));
    fs_err::write(&list, "# ours\nteam TOOSHORT # why\n").unwrap();
    bench.context.signatures.revoked = Some(list);
    let arguments = json!({"input_path": bench.path("A.app"), "requirement": "anchor apple"});
    let error = bench
        .step("CodeSignatureVerifier", arguments)
        .await
        .unwrap_err();
    assert_eq!(error.class, FailureClass::Configuration, "{error}");
    assert!(error.to_string().contains("revoked.txt"), "{error}");
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[tokio::test]
async fn a_signature_that_is_pinned_to_nobody_or_wrongly_fails() {
    let mut bench = Bench::new().await;
    fs_err::create_dir(bench.path("A.app")).unwrap();
    fs_err::write(bench.path("A.pkg"), "").unwrap();
    for (arguments, class, said) in [
        (
            json!({"input_path": bench.path("A.app")}),
            FailureClass::CodeSignature,
            "pins nothing",
        ),
        (
            json!({"input_path": bench.path("A.pkg")}),
            FailureClass::CodeSignature,
            "pins nothing",
        ),
        (
            json!({"input_path": bench.path("A.pkg"), "requirement": "anchor apple"}),
            FailureClass::Configuration,
            "'requirement' cannot be checked for a package",
        ),
        (
            json!({"input_path": bench.path("A.app"), "expected_authority_names": ["A", "B"]}),
            FailureClass::Configuration,
            "'expected_authority_names' cannot be checked",
        ),
        (
            json!({"input_path": bench.path("A.app"), "requirement": "identifer x"}),
            FailureClass::Configuration,
            "the requirement cannot be read",
        ),
    ] {
        let mut bench_env = std::mem::take(&mut bench.env);
        for name in ["requirement", "expected_authority_names"] {
            bench_env.shift_remove(name);
        }
        bench.env = bench_env;
        let error = bench
            .step("CodeSignatureVerifier", arguments)
            .await
            .unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(said), "{error}");
    }
}

#[tokio::test]
async fn unpacks_the_package_of_the_corpus() {
    let Some(package) = corpus("media/pkg/CH34xVCPDriver.pkg") else {
        return;
    };
    let mut bench = Bench::new().await;
    let package = package.to_str().unwrap().to_owned();
    bench
        .step(
            "FlatPkgUnpacker",
            json!({"flat_pkg_path": package, "destination_path": "%RECIPE_CACHE_DIR%/x"}),
        )
        .await
        .unwrap();
    let payloads = crate::glob::glob(&bench.path("x/**/Payload"), crate::glob::Depth::Recursive);
    let payload = payloads.unwrap().first().unwrap().clone();
    bench
        .step(
            "PkgPayloadUnpacker",
            json!({"pkg_payload_path": payload, "destination_path": "%RECIPE_CACHE_DIR%/p"}),
        )
        .await
        .unwrap();
    let apps = crate::glob::glob(
        &bench.path("p/**/Info.plist"),
        crate::glob::Depth::Recursive,
    );
    assert!(!apps.unwrap().is_empty());
    bench
        .step(
            "FlatPkgUnpacker",
            json!({"flat_pkg_path": package, "destination_path": "%RECIPE_CACHE_DIR%/y", "skip_payload": true}),
        )
        .await
        .unwrap();
    let payloads = crate::glob::glob(&bench.path("y/**/Payload"), crate::glob::Depth::Recursive);
    assert!(payloads.unwrap().is_empty());
}

/// A path into the corpus's zipped application, as if it were a folder.
fn widget() -> Option<String> {
    let archive = corpus("runs/site/Widget-3.2.1.zip")?;
    Some(archive.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn paths_go_into_containers_wherever_a_step_takes_one() {
    let Some(archive) = widget() else { return };
    let mut bench = Bench::new().await;
    bench
        .env
        .insert("pathname".to_owned(), archive.as_str().into());

    let pattern = json!({"pattern": "%pathname%/**/*.app"});
    bench.step("FileFinder", pattern).await.unwrap();
    assert_eq!(
        bench.text("found_filename"),
        format!("{archive}/Widget.app")
    );
    assert_eq!(bench.text("found_basename"), "Widget.app");

    let keys = json!({"CFBundleIdentifier": "bundle_id"});
    for path in [
        "%pathname%/Widget.app",
        "%pathname%",
        "%pathname%/Widget.app/Contents/Info.plist",
    ] {
        bench.env.shift_remove("bundle_id");
        bench
            .step(
                "PlistReader",
                json!({"info_path": path, "plist_keys": keys}),
            )
            .await
            .unwrap();
        assert_eq!(bench.text("bundle_id"), "com.example.Widget", "{path}");
    }

    let plist = json!({"input_plist_path": "%pathname%/Widget.app/Contents/Info.plist"});
    bench.step("Versioner", plist).await.unwrap();
    assert_eq!(bench.text("version"), "3.2.1");
    let rootless =
        json!({"input_plist_path": "%pathname%/Contents/Info.plist", "skip_single_root_dir": true});
    bench.step("Versioner", rootless).await.unwrap();
    assert_eq!(bench.text("version"), "3.2.1");

    bench
        .step("AppDmgVersioner", json!({"dmg_path": "%pathname%"}))
        .await
        .unwrap();
    assert_eq!(bench.text("app_name"), "Widget.app");

    let copy =
        json!({"source_path": "%pathname%/*.app", "destination_path": "%RECIPE_CACHE_DIR%/W.app"});
    bench.step("Copier", copy).await.unwrap();
    let program = fs_err::metadata(bench.path("W.app/Contents/MacOS/Widget")).unwrap();
    assert_eq!(program.permissions().mode() & 0o111, 0o111);

    let one = json!({
        "source_path": "%pathname%/Widget.app/Contents/Info.plist",
        "destination_path": "%RECIPE_CACHE_DIR%",
        "overwrite": false,
    });
    bench.step("Copier", one).await.unwrap();
    assert!(
        fs_err::metadata(bench.path("Info.plist"))
            .unwrap()
            .is_file()
    );
}

#[tokio::test]
async fn a_version_that_is_not_there_is_unknown_and_a_file_that_is_not_there_an_error() {
    let mut bench = Bench::new().await;
    fs_err::write(bench.path("a.plist"), "<plist><dict/></plist>").unwrap();
    let plist = json!({"input_plist_path": "%RECIPE_CACHE_DIR%/a.plist"});
    bench.step("Versioner", plist).await.unwrap();
    assert_eq!(bench.text("version"), "UNKNOWN_VERSION");
    let none = bench.path("b.plist");
    let error = bench
        .step("Versioner", json!({"input_plist_path": none}))
        .await
        .unwrap_err();
    assert_eq!(error.message, format!("File '{none}' was not found."));
    let keyless = json!({"info_path": "%RECIPE_CACHE_DIR%/a.plist", "plist_keys": {"A": "a"}});
    let error = bench.step("PlistReader", keyless).await.unwrap_err();
    assert!(
        error.message.starts_with("Key 'A' could not be found"),
        "{error}"
    );
}

#[tokio::test]
async fn a_package_is_copied_under_its_name_and_reported() {
    let mut bench = Bench::new().await;
    fs_err::create_dir(bench.path("in")).unwrap();
    for name in ["b.pkg", "a.pkg", "c.txt"] {
        fs_err::write(bench.path(&format!("in/{name}")), name).unwrap();
    }
    let source = json!({"source_pkg": "%RECIPE_CACHE_DIR%/in/*.pkg"});
    let record = bench.step("PkgCopier", source).await.unwrap();
    assert_eq!(bench.text("pkg_path"), bench.path("a.pkg"));
    assert_eq!(
        fs_err::read_to_string(bench.path("a.pkg")).unwrap(),
        "a.pkg"
    );
    assert_eq!(record.summaries().count(), 1);
    let wrong = json!({"source_pkg": "%RECIPE_CACHE_DIR%/in/c.txt"});
    assert!(bench.step("PkgCopier", wrong).await.is_err());
}

#[tokio::test]
async fn an_archive_cannot_write_outside_its_destination() {
    let mut bench = Bench::new().await;
    let mut archive = tar_with("../../escaped.txt");
    archive.extend([0; 1024]);
    fs_err::write(bench.path("evil.tar"), archive).unwrap();
    let step = json!({"archive_path": "%RECIPE_CACHE_DIR%/evil.tar", "destination_path": "%RECIPE_CACHE_DIR%/a/b"});
    let error = bench.step("Unarchiver", step).await.unwrap_err();
    assert!(error.message.starts_with("Unarchiving "), "{error}");
    assert!(!std::path::Path::new(&bench.path("escaped.txt")).exists());
}

/// The header of an empty file of that name in a tar archive.
fn tar_with(name: &str) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(b"00000000000\0");
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[263..265].copy_from_slice(b"00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

#[tokio::test]
async fn a_stopped_run_ends_the_step_it_is_in() {
    let mut bench = Bench::new().await;
    bench
        .vendor
        .put("/slow", Resource::file(vec![0; 100]).stalling_after(10));
    bench.context.cancelled.cancel();
    let url = json!({"url": bench.vendor.url("/slow")});
    let error = bench.step("URLDownloader", url).await.unwrap_err();
    assert_eq!(error.message, "URLDownloader was stopped");
}

#[tokio::test]
async fn the_newest_release_with_a_wanted_file_is_taken_from_git_hub() {
    let mut bench = Bench::new().await;
    let asset = |name: &str| json!({"name": name, "url": "api", "browser_download_url": format!("https://v.example/{name}")});
    let releases = json!([
        {"tag_name": "v3.0b1", "prerelease": true, "assets": [asset("W-3.dmg")]},
        {"tag_name": "v1.9", "assets": [asset("W-1.9.dmg")]},
        {"tag_name": "v1.10", "body": "notes", "assets": [asset("W.txt"), asset("W-1.10.dmg")]},
    ]);
    bench
        .vendor
        .put("/repos/w/w/releases", Resource::page(&releases.to_string()));
    bench
        .vendor
        .put("/repos/none/w/releases", Resource::page("[]"));
    let api = bench.vendor.url("");
    let ask = |extra: serde_json::Value| {
        let mut arguments = json!({"github_repo": "w/w", "asset_regex": ".*\\.dmg$", "GITHUB_URL": api,
            "GITHUB_TOKEN_PATH": "/nonexistent"});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        arguments
    };
    bench
        .step("GitHubReleasesInfoProvider", ask(json!({})))
        .await
        .unwrap();
    assert_eq!(bench.text("version"), "1.9");
    let highest = ask(json!({"sort_by_highest_tag_names": true}));
    bench
        .step("GitHubReleasesInfoProvider", highest)
        .await
        .unwrap();
    assert_eq!(bench.text("version"), "1.10");
    assert_eq!(bench.text("url"), "https://v.example/W-1.10.dmg");
    let early = ask(json!({"include_prereleases": true, "sort_by_highest_tag_names": ""}));
    bench
        .step("GitHubReleasesInfoProvider", early)
        .await
        .unwrap();
    assert_eq!(bench.text("version"), "3.0b1");
    let none = ask(json!({"github_repo": "none/w"}));
    let error = bench
        .step("GitHubReleasesInfoProvider", none)
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        "No releases found for repo 'none/w' on page 1"
    );
    assert_eq!(error.class, FailureClass::SourceChanged);
}

#[tokio::test]
async fn a_predicate_ends_the_recipe_without_failure() {
    let mut bench = Bench::new().await;
    bench.env.insert("download_changed".to_owned(), true.into());
    let predicate = json!({"predicate": "download_changed == False"});
    let record = bench
        .step("StopProcessingIf", predicate.clone())
        .await
        .unwrap();
    assert!(!record.stops_recipe && record.output.is_empty());
    bench
        .env
        .insert("download_changed".to_owned(), false.into());
    let record = bench.step("StopProcessingIf", predicate).await.unwrap();
    assert!(record.stops_recipe);
    assert_eq!(
        bench.said(),
        [
            "(download_changed == False) is False",
            "(download_changed == False) is True"
        ]
    );
    let error = bench
        .step("StopProcessingIf", json!({"predicate": "version =="}))
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .starts_with("Predicate error for 'version =='"),
        "{error}"
    );
}
