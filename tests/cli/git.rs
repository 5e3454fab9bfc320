//! Repositories to add, and commits to make in them.

use std::path::Path;

use git2::{IndexAddOption, Oid, Repository, RepositoryInitOptions, Signature, Time};

/// Makes a repository, with what lies in `folder` as its first commit.
pub(crate) fn init(folder: &Path) {
    let mut options = RepositoryInitOptions::new();
    options.initial_head("main");
    Repository::init_opts(folder, &options).unwrap();
    commit(folder, "First", "Ann", 1_717_200_000);
}

/// Commits everything in `folder`.
pub(crate) fn commit(folder: &Path, message: &str, name: &str, seconds: i64) -> Oid {
    let repository = Repository::open(folder).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
    index.update_all(["*"], None).unwrap();
    index.write().unwrap();
    let tree = index.write_tree().unwrap();
    let tree = repository.find_tree(tree).unwrap();
    let email = format!("{}@example.com", name.to_lowercase());
    let who = Signature::new(name, &email, &Time::new(seconds, 0)).unwrap();
    let head = repository.head().ok();
    let parent = head.map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    repository
        .commit(Some("HEAD"), &who, &who, message, &tree, &parents)
        .unwrap()
}
