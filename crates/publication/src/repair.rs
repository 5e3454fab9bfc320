//! What is wrong with a repository and can be put right without anybody deciding anything.

use model::ChangeSetId;
use munki::CatalogOptions;

use crate::{
    Backend, PublishError, catalogs::outdated, journal::Journal, make_catalogs, recover::recover,
};

/// What is wrong with a repository and can be put right without anybody deciding anything.
///
/// Packages that are missing, are not what their pkginfos say, or belong to none are not among it: [`check`] tells
/// of them.
///
/// [`check`]: crate::check
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Repairs {
    /// Publications that a crash interrupted: they are finished, or undone.
    pub interrupted: Vec<ChangeSetId>,
    /// Files that were never complete, relative to the repository: they are removed.
    pub unfinished: Vec<String>,
    /// Catalogs that are not made of the pkginfos that are there: they are made anew. The list of icon hashes, if
    /// it is not right either, is the last.
    pub outdated: Vec<String>,
    /// Catalogs in which nothing is any more: they are removed.
    pub stale: Vec<String>,
}

impl Repairs {
    /// Whether there is nothing to put right.
    pub const fn is_empty(&self) -> bool {
        self.interrupted.is_empty()
            && self.unfinished.is_empty()
            && self.outdated.is_empty()
            && self.stale.is_empty()
    }
}

/// What [`repair`] would put right; nothing is changed.
///
/// # Errors
/// If the repository cannot be read, or a journal cannot be understood.
pub fn repairs(repository: &dyn Backend, options: CatalogOptions) -> Result<Repairs, PublishError> {
    let interrupted = Journal::read_all(repository)?;
    let unfinished = repository.unfinished()?;
    let (outdated, stale) = outdated(repository, options)?;
    Ok(Repairs {
        interrupted: interrupted.into_iter().map(|(_, plan)| plan.id).collect(),
        unfinished,
        outdated,
        stale,
    })
}

/// Puts right what can be put right without anybody deciding anything, and answers what that was.
///
/// # Errors
/// If the repository cannot be read or written, or a journal cannot be understood.
pub fn repair(repository: &dyn Backend, options: CatalogOptions) -> Result<Repairs, PublishError> {
    let found = repairs(repository, options)?;
    recover(repository)?;
    make_catalogs(repository, options)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Mutex};

    use super::*;
    use model::Timestamp;

    use crate::{
        FolderRepository, Kind, Point, PublicationObserver, Repository as _, Staging, publish,
    };

    const OPTIONS: CatalogOptions = CatalogOptions {
        compat: munki::Compat::Munki7,
        force: false,
        skip_pkg_check: false,
    };

    /// Ends the publication at a point as a lost machine would: with whatever is there then.
    struct Dies(Mutex<Option<&'static str>>);

    impl PublicationObserver for Dies {
        fn reached(&self, point: Point) {
            let mut at = self.0.lock().unwrap();
            if at.is_some_and(|at| at == point.name()) {
                at.take();
                drop(at);
                std::panic::resume_unwind(Box::new("the machine is gone"));
            }
        }
    }

    #[test]
    fn an_interrupted_publication_is_previewed_and_finished_whole() {
        for point in [
            "journalled",
            "prepared-pkgs",
            "placed-pkgs",
            "prepared-evidence",
            "placed-evidence",
            "placed-pkgsinfo",
            "placed-catalogs",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let repository = FolderRepository::create(&folder.path().join("repo")).unwrap();
            let staging = Staging::new(std::sync::Arc::new(repository.clone()), folder.path());
            staging.stage_bytes(Kind::Pkgs, "A-1.pkg", b"a").unwrap();
            let bundle = "A-1.pkg.intoto.jsonl";
            staging.stage_bytes(Kind::Evidence, bundle, b"e").unwrap();
            let pkginfo = [
                ("name", "A"),
                ("version", "1"),
                ("installer_item_location", "A-1.pkg"),
            ]
            .map(|(key, value)| (key.to_owned(), value.into()));
            staging
                .stage_pkginfo("A-1.plist", &pkginfo.into_iter().collect())
                .unwrap();
            let set = staging.take();
            let power_cut = Dies(Mutex::new(Some(point)));
            let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                publish(
                    &repository,
                    &set,
                    OPTIONS,
                    &power_cut,
                    Timestamp::from_secs(1),
                )
            }));
            assert!(died.is_err(), "{point}");
            // What a process that is killed cannot remove.
            fs::write(repository.root().join("pkgs/.auto-update-part-x"), b"half").unwrap();

            let found = repairs(&repository, OPTIONS).unwrap();
            assert_eq!(found.interrupted, [set.id], "{point}");
            assert_eq!(found.unfinished, ["pkgs/.auto-update-part-x"], "{point}");
            assert_eq!(
                repairs(&repository, OPTIONS).unwrap(),
                found,
                "a preview changed something"
            );
            assert_eq!(repair(&repository, OPTIONS).unwrap(), found);
            assert!(repairs(&repository, OPTIONS).unwrap().is_empty(), "{point}");
            assert_eq!(repository.get(Kind::Pkgs, "A-1.pkg").unwrap(), b"a");
            assert_eq!(repository.get(Kind::Evidence, bundle).unwrap(), b"e");
            let catalog = repository.get(Kind::Catalogs, "all").unwrap();
            assert!(
                String::from_utf8(catalog).unwrap().contains("A-1.pkg"),
                "{point}"
            );
        }
    }

    #[test]
    fn catalogs_and_icon_hashes_are_made_anew_and_packages_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let repository = FolderRepository::create(folder.path()).unwrap();
        repository.put(Kind::Pkgs, "orphan.pkg", b"x").unwrap();
        repository.put(Kind::Icons, "a.png", b"x").unwrap();
        repository.put(Kind::Catalogs, "gone", b"x").unwrap();
        let found = repair(&repository, OPTIONS).unwrap();
        assert_eq!(found.outdated, ["all", "_icon_hashes.plist"]);
        assert_eq!(found.stale, ["gone"]);
        assert!(repairs(&repository, OPTIONS).unwrap().is_empty());
        assert_eq!(repository.list(Kind::Pkgs).unwrap(), ["orphan.pkg"]);
    }
}
