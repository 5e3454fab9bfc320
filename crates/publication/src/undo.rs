//! Taking back what a plan has done.

use crate::{
    Kind, RepositoryError, StagedFile, carry_out::Work, catalogs::make_catalogs_locked, trash,
};

/// Takes back what the plan has done: what was removed comes back first, and what was added goes when no catalog
/// names it any more.
pub(crate) fn undo(work: &Work<'_>) -> Result<(), RepositoryError> {
    let Work {
        repository, plan, ..
    } = *work;
    for removal in plan.to_remove().rev() {
        if repository
            .digest(removal.kind, &removal.location)?
            .is_none()
        {
            // What is not kept was not there when it was to be kept.
            trash::restore(repository, plan.id, removal.kind, &removal.location)?;
        }
    }
    for replacement in plan.to_replace().rev() {
        let file = &replacement.file;
        if repository.digest(file.kind, &file.location)? == Some(file.sha256) {
            trash::restore(repository, plan.id, file.kind, &file.location)?;
        }
    }
    let names = |file: &&StagedFile| matches!(file.kind, Kind::Pkgsinfo | Kind::Manifests);
    for file in plan.to_place().rev().filter(names) {
        remove_ours(work, file)?;
    }
    make_catalogs_locked(work.repository, work.held, work.options)?;
    for file in plan.to_place().rev().filter(|file| !names(file)) {
        remove_ours(work, file)?;
    }
    make_catalogs_locked(work.repository, work.held, work.options)?;
    for folder in plan.new_folders.iter().rev() {
        repository.remove_folder(folder)?;
    }
    if plan.has_kept_before {
        return Ok(());
    }
    trash::forget(repository, plan.id)
}

fn remove_ours(work: &Work<'_>, file: &StagedFile) -> Result<(), RepositoryError> {
    let there = work.repository.digest(file.kind, &file.location)?;
    if there == Some(file.sha256) {
        work.repository.remove(file.kind, &file.location)?;
    }
    Ok(())
}
