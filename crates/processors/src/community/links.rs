//! Symbolic links that lead out of a workspace.
//!
//! Steps of our own follow links in the workspace, with the rights of the program. A community processor could leave one
//! there that leads to a file of the house, so none that is new may stay.

use std::{
    collections::HashSet,
    fs::Permissions,
    io::ErrorKind,
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use super::{calls::FOLDER, scratch};
use crate::StepError;

/// A link, and where it leads.
pub(super) type Link = (PathBuf, PathBuf);

/// Every link in `workspace` that leads out of it.
///
/// # Errors
/// If a folder cannot be read.
pub(super) async fn outward(workspace: &Path) -> Result<HashSet<Link>, StepError> {
    let folder = workspace.to_owned();
    let found = tokio::task::spawn_blocking(move || walk(&folder)).await;
    found
        .map_err(|error| {
            StepError::package("looking for links ended unexpectedly").caused_by(error)
        })?
        .map_err(|error| {
            let message = format!("{} cannot be looked over", workspace.display());
            StepError::package(message).caused_by(error)
        })
}

/// Removes every outward link that was not there `before`; from what is passing without a word, since nobody but the
/// processors themselves looks there.
///
/// # Errors
/// If there was one elsewhere, or it cannot be removed.
pub(super) async fn refuse_new(workspace: &Path, before: &HashSet<Link>) -> Result<(), StepError> {
    let now = outward(workspace).await?;
    let mut new: Vec<&Link> = now.difference(before).collect();
    new.sort();
    for (link, _target) in &new {
        tokio::fs::remove_file(link).await.map_err(|error| {
            StepError::package(format!("{} cannot be removed", link.display())).caused_by(error)
        })?;
    }
    let passing = workspace.join(scratch::FOLDER);
    let Some((link, target)) = new.iter().find(|(link, _)| !link.starts_with(&passing)) else {
        return Ok(());
    };
    Err(StepError::configuration(format!(
        "the processor left {}, which leads out of the workspace to {}",
        link.display(),
        target.display()
    ))
    .with_next_step(
        "Read the processor's source before you run this title again: no recipe needs such a link.",
    ))
}

fn walk(workspace: &Path) -> std::io::Result<HashSet<Link>> {
    let mut found = HashSet::new();
    let mut open = vec![workspace.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in entries(workspace, &folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                // No processor writes there.
                if path != workspace.join(FOLDER) {
                    open.push(path);
                }
            } else if kind.is_symlink() {
                let target = fs_err::read_link(&path)?;
                if leads_out(workspace, &folder, &target) {
                    found.insert((path, target));
                }
            }
        }
    }
    Ok(found)
}

/// What is in `folder`, which is opened for us if it is one of those that are passing: elsewhere modes are the title's.
fn entries(workspace: &Path, folder: &Path) -> std::io::Result<fs_err::ReadDir> {
    match fs_err::read_dir(folder) {
        Err(error)
            if error.kind() == ErrorKind::PermissionDenied
                && folder.starts_with(workspace.join(scratch::FOLDER)) =>
        {
            fs_err::set_permissions(folder, Permissions::from_mode(0o700))?;
            fs_err::read_dir(folder)
        }
        entries => entries,
    }
}

/// Whether a link in `folder` leads out of `workspace`. Links of Mac software to `/Applications` and the like lead
/// nowhere here: what such a path begins with does not exist.
fn leads_out(workspace: &Path, folder: &Path, target: &Path) -> bool {
    let mut parts: Vec<Component<'_>> = if target.is_absolute() {
        Vec::new()
    } else {
        folder.components().collect()
    };
    for part in target.components() {
        match part {
            Component::ParentDir => {
                parts.pop();
                // Above the workspace on the way, even if it comes back: what lies there is not the processor's.
                if !target.is_absolute()
                    && !parts.iter().collect::<PathBuf>().starts_with(workspace)
                {
                    return true;
                }
            }
            Component::CurDir => {}
            other => parts.push(other),
        }
    }
    let resolved: PathBuf = parts.iter().collect();
    if resolved.starts_with(workspace) {
        return false;
    }
    let top = target.components().take(2).collect::<PathBuf>();
    !target.is_absolute() || top.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leads_out_does() {
        let workspace = Path::new("/var/w");
        let folder = Path::new("/var/w/app/Contents");
        for (target, out) in [
            ("Versions/Current", false),
            ("../Resources/x", false),
            ("../../../w/other", true),
            ("../../../../etc/passwd", true),
            ("/etc/passwd", true),
            ("/var/w/inside", false),
            ("/var/w/../x", true),
            ("/Applications", false),
            ("/Applications/../etc/passwd", false),
            ("/usr/new", true),
        ] {
            assert_eq!(
                leads_out(workspace, folder, Path::new(target)),
                out,
                "{target}"
            );
        }
    }
}
