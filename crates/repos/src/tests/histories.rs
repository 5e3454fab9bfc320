use recipe::History as _;

use super::Origin;
use crate::GitHistory;

#[test]
fn the_commit_that_last_touched_a_file_is_found_while_the_file_is_as_it_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(dir.path());
    let file = origin.write("A/A.recipe", "one\n");
    let first = origin.commit(0, "First", &[]);
    origin.write("README.md", "words\n");
    origin.commit(1, "Readme", &[]);
    let history = GitHistory::new();
    assert_eq!(history.last_commit(&file), Some(first.to_string()));

    origin.write("A/A.recipe", "two\n");
    assert_eq!(history.last_commit(&file), None);
    origin.write("A/A.recipe", "one\n");
    assert_eq!(history.last_commit(&file), Some(first.to_string()));

    origin.write("A/A.recipe", "two\n");
    let second = origin.commit(2, "Second", &[]);
    assert_eq!(history.last_commit(&file), Some(second.to_string()));
    assert_eq!(
        history.file_at(&file, &first.to_string()),
        Some(b"one\n".to_vec())
    );
    assert_eq!(
        history.file_at(&file, &second.to_string()),
        Some(b"two\n".to_vec())
    );
}

#[test]
fn a_file_without_history_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain.recipe");
    fs_err::write(&plain, "x").unwrap();
    let origin = Origin::new(&dir.path().join("r"));
    let history = GitHistory::new();
    let unborn = origin.write("A.recipe", "a");
    assert_eq!(history.last_commit(&unborn), None);
    let first = origin.commit(0, "First", &[]);
    let untracked = origin.write("B.recipe", "b");
    let any = first.to_string();
    for file in [&plain, &untracked, &dir.path().join("nowhere/x.recipe")] {
        assert_eq!(history.last_commit(file), None);
        assert_eq!(history.diff_since(file, &any), "");
        assert_eq!(history.log_since(file, &any), "");
        assert_eq!(history.file_at(file, &any), None);
    }
    for commit in [
        "",
        "HEAD",
        "main",
        "abcdef1",
        &"0".repeat(40),
        &"é".repeat(20),
    ] {
        assert_eq!(history.diff_since(&unborn, commit), "");
        assert_eq!(history.log_since(&unborn, commit), "");
        assert_eq!(history.file_at(&unborn, commit), None);
    }
}

#[test]
fn a_file_that_was_deleted_and_made_anew_is_untracked() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(dir.path());
    let file = origin.write("A.recipe", "one\n");
    origin.write("B.recipe", "b\n");
    origin.commit(0, "First", &[]);
    fs_err::remove_file(&file).unwrap();
    origin.commit(1, "Gone", &[]);
    assert_eq!(GitHistory::new().last_commit(&file), None);
    origin.write("A.recipe", "one\n");
    assert_eq!(GitHistory::new().last_commit(&file), None);
}

#[test]
fn a_merge_is_followed_to_the_side_that_the_file_came_from() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(dir.path());
    let file = origin.write("A.recipe", "one\n");
    let first = origin.commit(0, "First", &[]);
    origin.branch("side", first);
    origin.write("A.recipe", "two\n");
    let side = origin.commit(1, "Side", &[]);
    origin.branch("main", first);
    origin.write("B.recipe", "b\n");
    origin.commit(2, "Main", &[]);
    origin.write("A.recipe", "two\n");
    origin.commit(3, "Merge", &[side]);
    let history = GitHistory::new();
    assert_eq!(history.last_commit(&file), Some(side.to_string()));
    let log = history.log_since(&file, &first.to_string());
    assert_eq!(
        log,
        format!(
            "commit {side}\nAuthor: Ann <ann@example.com>\nDate:   Sun Jun 2 02:00:00 2024 +0200\n\n    Side\n"
        )
    );
}

#[test]
fn a_merge_of_both_sides_counts_as_a_change_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(dir.path());
    let file = origin.write("A.recipe", "1\n");
    let first = origin.commit(0, "First", &[]);
    origin.branch("side", first);
    origin.write("A.recipe", "2\n");
    let side = origin.commit(1, "Side", &[]);
    origin.branch("main", first);
    origin.write("A.recipe", "3\n");
    origin.commit(2, "Main", &[]);
    origin.write("A.recipe", "2 and 3\n");
    let merge = origin.commit(3, "Merge\n\nof two", &[side]);
    let history = GitHistory::new();
    assert_eq!(history.last_commit(&file), Some(merge.to_string()));
    let log = history.log_since(&file, &first.to_string());
    let titles: Vec<&str> = log
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    assert_eq!(titles, ["Merge", "", "of two", "Main", "Side"]);
    assert_eq!(
        log.lines()
            .filter(|line| line.starts_with("Merge: "))
            .count(),
        1
    );
}

#[test]
fn differences_are_printed_as_git_does() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(dir.path());
    let file = origin.write("A.py", "class A:\n    1\n    2\n    3\n    4\n    5\n");
    let first = origin.commit(0, "First", &[]).to_string();
    origin.write("B.py", "b\n");
    origin.write("A.py", "class A:\n    1\n    2\n    3\n    4\n    6");
    assert_eq!(
        GitHistory::new().diff_since(&file, &first),
        "diff --git a/A.py b/A.py\nindex f3b3755..eec99e2 100644\n--- a/A.py\n+++ b/A.py\n\
         @@ -3,4 +3,4 @@ class A:\n     2\n     3\n     4\n-    5\n+    6\n\\ No newline at end of file\n"
    );
    fs_err::remove_file(&file).unwrap();
    assert_eq!(GitHistory::new().diff_since(&file, &first), "");
}

#[test]
fn a_long_difference_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(dir.path());
    let file = origin.write("A.recipe", "one\n");
    let first = origin.commit(0, "First", &[]).to_string();
    origin.write("A.recipe", &"line\n".repeat(400_000));
    let diff = GitHistory::new().diff_since(&file, &first);
    assert!(diff.ends_with("\n(The difference goes on.)\n"));
    assert!(diff.len() < 2 << 20);
}

#[test]
fn a_change_of_mode_is_a_change() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(dir.path());
    let file = origin.write("A.sh", "one\n");
    origin.commit(0, "First", &[]);
    fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(GitHistory::new().last_commit(&file), None);
}

#[test]
fn links_on_the_way_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let origin = Origin::new(&dir.path().join("r"));
    origin.write("A/A.recipe", "one\n");
    let first = origin.commit(0, "First", &[]);
    std::os::unix::fs::symlink(origin.folder.join("A"), dir.path().join("link")).unwrap();
    let file = dir.path().join("link/A.recipe");
    assert_eq!(
        GitHistory::new().last_commit(&file),
        Some(first.to_string())
    );
}
