//! Steps that make, copy and find files, where `AutoPkg`'s behave in a way of their own.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::bench::Bench;

fn mode(path: &str) -> u32 {
    fs_err::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_package_root_has_the_folders_on_the_way_too() {
    let mut bench = Bench::new().await;
    let root = bench.path("root");
    let folders = json!({"usr/local/bin": "0700", "usr/share": "01775"});
    let arguments = json!({"pkgroot": root, "pkgdirs": folders});
    bench.step("PkgRootCreator", arguments).await.unwrap();
    assert_eq!(mode(&bench.path("root/usr/local")) & 0o700, 0o700);
    assert_eq!(mode(&bench.path("root/usr/local/bin")), 0o700);
    assert_eq!(mode(&bench.path("root/usr/share")), 0o1775);

    // One that is there already is refused, as by `AutoPkg`.
    let folders = json!({"usr/bin": "0755", "usr/bin/": "0755"});
    let arguments = json!({"pkgroot": root, "pkgdirs": folders});
    let error = bench.step("PkgRootCreator", arguments).await.unwrap_err();
    assert!(error.message.starts_with("Can't create "), "{error}");
}

#[tokio::test]
async fn a_file_that_is_copied_onto_itself_stays_whole() {
    let mut bench = Bench::new().await;
    let (file, link) = (bench.path("file"), bench.path("link"));
    fs_err::write(&file, "text").unwrap();
    fs_err::os::unix::fs::symlink("file", &link).unwrap();
    fs_err::hard_link(&file, bench.path("twin")).unwrap();
    for (source, destination, same) in [
        (file.clone(), file.clone(), file.clone()),
        (file.clone(), link.clone(), link.clone()),
        (link.clone(), file.clone(), file.clone()),
        (file.clone(), bench.path("twin"), bench.path("twin")),
        (file.clone(), bench.path("."), bench.path("./file")),
    ] {
        let arguments = json!({"source_path": source, "destination_path": destination});
        let error = bench.step("Copier", arguments).await.unwrap_err();
        assert_eq!(
            error.message,
            format!(
                "Can't copy {source} to {destination}: '{source}' and '{same}' are the same file"
            )
        );
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "text");
    }
}

#[tokio::test]
async fn a_folder_is_not_copied_into_itself() {
    let mut bench = Bench::new().await;
    fs_err::create_dir_all(bench.path("a/below")).unwrap();
    fs_err::create_dir(bench.path("ab")).unwrap();
    fs_err::os::unix::fs::symlink("a/below", bench.path("link")).unwrap();
    for destination in ["a/copy", "a/below/copy", "a/new/copy", "link/copy"] {
        let (source, destination) = (bench.path("a"), bench.path(destination));
        let arguments =
            json!({"source_path": source, "destination_path": destination, "overwrite": true});
        let error = bench.step("Copier", arguments).await.unwrap_err();
        assert_eq!(
            error.message,
            format!("Can't copy {source} to {destination}: '{destination}' lies in '{source}'")
        );
    }
    assert_eq!(fs_err::read_dir(bench.path("a")).unwrap().count(), 1);
    assert_eq!(fs_err::read_dir(bench.path("a/below")).unwrap().count(), 0);
    let arguments =
        json!({"source_path": bench.path("a"), "destination_path": bench.path("ab/copy")});
    bench.step("Copier", arguments).await.unwrap();
}

#[tokio::test]
async fn an_empty_path_is_not_the_current_folder() {
    let mut bench = Bench::new().await;
    let arguments = json!({"source_path": "", "destination_path": bench.path("copy")});
    let error = bench.step("Copier", arguments).await.unwrap_err();
    assert_eq!(error.message, "Error processing path '' with glob. ");
    let error = bench.step("FileFinder", json!({"pattern": ""})).await;
    assert_eq!(error.unwrap_err().message, "No matching filename found");
}

#[tokio::test]
async fn no_step_waits_for_a_pipe_to_be_read() {
    let mut bench = Bench::new().await;
    let (pipe, file) = (bench.path("pipe"), bench.path("file"));
    fs_err::write(&file, "text").unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, pipe.as_str(), mode).unwrap();
    for (step, arguments) in [
        (
            "FileCreator",
            json!({"file_path": pipe, "file_content": "text"}),
        ),
        (
            "PlistEditor",
            json!({"output_plist_path": pipe, "plist_data": {"a": 1}}),
        ),
        (
            "Copier",
            json!({"source_path": file, "destination_path": pipe}),
        ),
    ] {
        let error = bench.step(step, arguments).await.unwrap_err();
        assert!(error.message.ends_with("and no file"), "{step}: {error}");
    }
}
