//! Goes through a tree.

use std::collections::VecDeque;

use wire::Budget;

use crate::{Entry, Kind, MediaError, Tree, path};

/// Most links that one path is followed through, as on macOS.
const MOST_LINKS: usize = 32;

/// Everything below `path`, sorted by the bytes of the path; a file or a link is itself what is found.
///
/// # Errors
/// [`MediaError::NotFound`], damage, or more than a medium may hold.
pub fn walk(tree: &dyn Tree, path: &str) -> Result<Vec<Entry>, MediaError> {
    let start = tree.entry(path)?;
    if !tree.holds_entries(&start) {
        return Ok(vec![start]);
    }
    let mut budget = Budget::for_medium("tree");
    let mut found = Vec::new();
    let mut folders = vec![start.path];
    while let Some(folder) = folders.pop() {
        path::check_depth(&folder)?;
        for entry in tree.children(&folder)? {
            budget.spend_entry()?;
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
