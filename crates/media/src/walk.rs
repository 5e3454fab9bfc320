//! Goes through a tree.

use std::collections::VecDeque;

use wire::Budget;

use crate::{Entry, Kind, MediaError, Tree, path};

/// Most links that one path is followed through, as on macOS.
const MOST_LINKS: usize = 32;

/// Most bytes that all paths of a listing may have: hard links to folders give a small medium any number of them.
const MOST_PATH_BYTES: u64 = 256 << 20;

/// Everything below `path`, sorted by the bytes of the path; a file or a link is itself what is found.
///
/// # Errors
/// [`MediaError::NotFound`], damage, or more than a medium may hold.
pub fn walk(tree: &dyn Tree, path: &str) -> Result<Vec<Entry>, MediaError> {
    walk_within(tree, path, MOST_PATH_BYTES)
}

fn walk_within(
    tree: &dyn Tree,
    path: &str,
    most_path_bytes: u64,
) -> Result<Vec<Entry>, MediaError> {
    let start = tree.entry(path)?;
    if !tree.holds_entries(&start) {
        return Ok(vec![start]);
    }
    let mut budget = Budget::for_medium("tree");
    let mut paths = Budget::new("paths of a tree", most_path_bytes, 0, 0);
    let mut found = Vec::new();
    let mut folders = vec![start.path];
    while let Some(folder) = folders.pop() {
        path::check_depth(&folder)?;
        for entry in tree.children(&folder)? {
            budget.spend_entry()?;
            paths.spend_bytes(entry.path.len() as u64)?;
            if tree.holds_entries(&entry) {
                folders.push(entry.path.clone());
            }
            found.push(entry);
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The path that `path` leads to when every link on the way, its last name included, is followed inside the tree.
///
/// # Errors
/// [`MediaError::LeadsOut`] if a link leads out of the tree or in a circle; [`MediaError::NotFound`] if it leads to
/// nothing.
pub fn follow(tree: &dyn Tree, path: &str) -> Result<String, MediaError> {
    let mut links = 0_usize;
    let mut found = String::new();
    let mut names: VecDeque<String> = path.split('/').map(str::to_owned).collect();
    while let Some(name) = names.pop_front() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                if found.is_empty() {
                    return Err(leads_out(path));
                }
                found.truncate(path::split(&found).0.len());
                continue;
            }
            _ => {}
        }
        let here = path::join(&found, &name);
        let Kind::Link { target } = tree.entry(&here)?.kind else {
            found = here;
            continue;
        };
        links = links.saturating_add(1);
        if links > MOST_LINKS || target.starts_with('/') {
            return Err(leads_out(&here));
        }
        for name in target.split('/').rev() {
            names.push_front(name.to_owned());
        }
    }
    Ok(found)
}

fn leads_out(path: &str) -> MediaError {
    MediaError::LeadsOut {
        path: path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        open_source,
        samples::{self, Sample},
    };

    fn tree() -> Arc<dyn Tree> {
        let bytes = samples::zip(&[
            ("a b", Sample::File(0o644, b"")),
            ("a/x", Sample::File(0o644, b"")),
            ("a/up", Sample::Link("../a/./down")),
            ("a/down", Sample::Link("x")),
            ("round", Sample::Link("round")),
            ("out", Sample::Link("../../etc")),
            ("absolute", Sample::Link("/etc")),
            ("lost", Sample::Link("a/nothing")),
        ]);
        open_source(Arc::new(bytes), &Budget::for_medium("sample")).unwrap()
    }

    #[test]
    fn paths_are_sorted_by_their_bytes() {
        let found = walk(&*tree(), "").unwrap();
        let paths: Vec<_> = found.iter().map(|entry| entry.path.as_str()).collect();
        assert!(paths.is_sorted());
        let start = ["a", "a b", "a/down", "a/up", "a/x", "absolute"];
        assert_eq!(paths[..6], start);
        assert_eq!(walk(&*tree(), "a").unwrap().len(), 3);
        assert_eq!(walk(&*tree(), "a/up").unwrap().len(), 1);
        assert!(walk(&*tree(), "b").is_err());
    }

    #[test]
    fn paths_may_have_only_so_many_bytes_together() {
        let bytes = samples::zip(&[
            ("a/b", Sample::File(0o644, b"")),
            ("c", Sample::File(0o644, b"")),
        ]);
        let tree = open_source(Arc::new(bytes), &Budget::for_medium("sample")).unwrap();
        assert_eq!(walk_within(&*tree, "", 5).unwrap().len(), 3);
        let error = walk_within(&*tree, "", 4).unwrap_err().to_string();
        assert_eq!(error, "paths of a tree: more than 4 bytes");
    }

    #[test]
    fn links_are_followed_as_far_as_they_stay_inside() {
        let tree = tree();
        assert_eq!(follow(&*tree, "a/up").unwrap(), "a/x");
        assert_eq!(follow(&*tree, "a/../a/x").unwrap(), "a/x");
        assert_eq!(follow(&*tree, "").unwrap(), "");
        for path in ["round", "out", "absolute", ".."] {
            let error = follow(&*tree, path).unwrap_err();
            assert!(matches!(error, MediaError::LeadsOut { .. }), "{path}");
        }
        for path in ["lost", "a/x/y", "nothing"] {
            let error = follow(&*tree, path).unwrap_err();
            assert!(matches!(error, MediaError::NotFound { .. }), "{path}");
        }
    }
}
