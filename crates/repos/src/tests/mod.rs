//! Both sides with real repositories in temporary folders.

mod folders;
mod histories;

use std::path::{Path, PathBuf};

use git2::{Oid, Repository, Signature, Time};

/// A repository to clone from.
struct Origin {
    repository: Repository,
    folder: PathBuf,
}

impl Origin {
    fn new(folder: &Path) -> Self {
        let mut options = git2::RepositoryInitOptions::new();
        options.initial_head("main");
        let repository = Repository::init_opts(folder, &options).unwrap();
        Self {
            repository,
            folder: folder.to_owned(),
        }
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let file = self.folder.join(path);
        fs_err::create_dir_all(file.parent().unwrap()).unwrap();
        fs_err::write(&file, text).unwrap();
        file
    }

    /// Commits everything, `day` days after the first of June 2024, on top of `HEAD` and of `others`.
    fn commit(&self, day: i64, message: &str, others: &[Oid]) -> Oid {
        let mut index = self.repository.index().unwrap();
        index
            .add_all(["*"], git2::IndexAddOption::DEFAULT, None)
            .unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = self
            .repository
            .find_tree(index.write_tree().unwrap())
            .unwrap();
        let time = Time::new(1_717_200_000 + day * 86_400, 120);
        let who = Signature::new("Ann", "ann@example.com", &time).unwrap();
        let head = self
            .repository
            .head()
            .ok()
            .map(|head| head.peel_to_commit().unwrap());
        let others = others
            .iter()
            .map(|id| self.repository.find_commit(*id).unwrap());
        let parents: Vec<_> = head.into_iter().chain(others).collect();
        let parents: Vec<_> = parents.iter().collect();
        self.repository
            .commit(Some("HEAD"), &who, &who, message, &tree, &parents)
            .unwrap()
    }

    /// Goes to another branch at `commit`, and takes its files.
    fn branch(&self, name: &str, commit: Oid) {
        let commit = self.repository.find_commit(commit).unwrap();
        if self
            .repository
            .find_branch(name, git2::BranchType::Local)
            .is_err()
        {
            self.repository.branch(name, &commit, false).unwrap();
        }
        self.repository
            .set_head(&format!("refs/heads/{name}"))
            .unwrap();
        let mut force = git2::build::CheckoutBuilder::new();
        self.repository
            .checkout_head(Some(force.force().remove_untracked(true)))
            .unwrap();
    }
}
