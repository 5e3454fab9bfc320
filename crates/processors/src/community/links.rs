//! Symbolic links that lead out of a workspace.
//!
//! Steps of our own follow links in the workspace, with the rights of the program. A community processor could leave one
//! there that leads to a file of the house, so none that is new may stay, however its step ended. Which ones were there
//! before is written beside the workspace, where no processor writes, for as long as the step runs: what a step left that
//! was cancelled, or whose program ended, is removed as well ([`recover`]).

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::Permissions,
    io::{self, ErrorKind},
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::PermissionsExt as _,
    },
    path::{Component, Path, PathBuf},
};

use super::scratch;
use crate::{StepError, removal};

/// A link, and where it leads.
pub(super) type Link = (PathBuf, PathBuf);

/// How many links on the way to a place are followed: as many as the kernel does.
const MOST_LINKS: usize = 40;

/// How deep folders may be nested: no application's are, and paths are longer than the system takes.
const DEEPEST: usize = 512;

/// Every link in `workspace` that leads out of it, before a processor's step begins.
///
/// # Errors
/// If a folder cannot be read, or what is found cannot be written down.
pub(super) async fn begin(workspace: &Path) -> Result<HashSet<Link>, StepError> {
    let found = look(workspace).await?;
    let (workspace, noted) = (workspace.to_owned(), found.clone());
    blocking(&workspace.clone(), move || note(&workspace, &noted)).await?;
    Ok(found)
}

/// Removes every outward link that was not there `before`; from what is passing without a word, since nobody but the
/// processors themselves looks there.
///
/// # Errors
/// If there was one elsewhere, or it cannot be removed.
pub(super) async fn refuse_new(workspace: &Path, before: &HashSet<Link>) -> Result<(), StepError> {
    let now = look(workspace).await?;
    let mut new: Vec<&Link> = now.difference(before).collect();
    new.sort();
    for (link, _target) in &new {
        tokio::fs::remove_file(link).await.map_err(|error| {
            StepError::package(format!("{} cannot be removed", link.display())).caused_by(error)
        })?;
    }
    let ended = workspace.to_owned();
    blocking(workspace, move || removal::clear(&place(&ended))).await?;
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

/// Removes what a step that did not come to its end left. Blocking.
///
/// # Errors
/// If a folder cannot be read, or a link not be removed.
pub(super) fn recover(workspace: &Path) -> io::Result<()> {
    let place = place(workspace);
    let noted = match fs_err::read(&place) {
        Ok(noted) => noted,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    // What was not written to its end is of a step that never began, and left nothing.
    let Ok(noted) = serde_json::from_slice::<Vec<(Vec<u8>, Vec<u8>)>>(&noted) else {
        return removal::clear(&place);
    };
    let path = |bytes| PathBuf::from(OsString::from_vec(bytes));
    let before: HashSet<Link> = noted
        .into_iter()
        .map(|(link, target)| (path(link), path(target)))
        .collect();
    for (link, _target) in walk(workspace)?.difference(&before) {
        fs_err::remove_file(link)?;
    }
    removal::clear(&place)
}

/// Removes every link in `folder` that leads out of `workspace`. Blocking.
///
/// # Errors
/// As [`recover`].
pub(super) fn remove_outward(workspace: &Path, folder: &Path) -> io::Result<()> {
    for (link, _target) in walk_in(workspace, folder)? {
        fs_err::remove_file(link)?;
    }
    Ok(())
}

async fn look(workspace: &Path) -> Result<HashSet<Link>, StepError> {
    let folder = workspace.to_owned();
    blocking(workspace, move || walk(&folder)).await
}

async fn blocking<T: Send + 'static>(
    workspace: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StepError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| {
        StepError::package("looking for links ended unexpectedly").caused_by(error)
    })?
    .map_err(|error| {
        let message = format!("{} cannot be looked over", workspace.display());
        StepError::package(message)
            .with_next_step(
                "What stood in the way is told below; remove it by hand if it is still there.",
            )
            .caused_by(error)
    })
}

/// Where it is written which links there were: beside the workspace.
fn place(workspace: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(workspace.file_name().unwrap_or_default());
    name.push(".links");
    workspace.with_file_name(name)
}

fn note(workspace: &Path, links: &HashSet<Link>) -> io::Result<()> {
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let links: Vec<(Vec<u8>, Vec<u8>)> = links
        .iter()
        .map(|(link, target)| (bytes(link), bytes(target)))
        .collect();
    fs_err::write(place(workspace), serde_json::to_vec(&links)?)
}

fn walk(workspace: &Path) -> io::Result<HashSet<Link>> {
    walk_in(workspace, workspace)
}

/// Every link in `start`, a folder in `workspace` or that itself, that leads out of `workspace`. What is nested so deeply
/// that nobody could look it over is removed.
fn walk_in(workspace: &Path, start: &Path) -> io::Result<HashSet<Link>> {
    let mut found = HashSet::new();
    let mut open = vec![(start.to_owned(), 0_usize)];
    while let Some((folder, depth)) = open.pop() {
        let entries = match entries(workspace, &folder) {
            Err(error) if is_too_long(&error) => return Err(too_deep(start, &folder)),
            entries => entries?,
        };
        if depth > DEEPEST {
            return Err(too_deep(start, &folder));
        }
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                open.push((path, depth.saturating_add(1)));
            } else if kind.is_symlink() {
                let target = match fs_err::read_link(&path) {
                    Err(error) if is_too_long(&error) => return Err(too_deep(start, &folder)),
                    target => target?,
                };
                if leads_out(workspace, &folder, &target) {
                    found.insert((path, target));
                }
            }
        }
    }
    Ok(found)
}

fn is_too_long(error: &io::Error) -> bool {
    error.kind() == ErrorKind::InvalidFilename
}

/// Removes the folder directly in `start` that `folder` is nested in: the title could not be run any more.
fn too_deep(start: &Path, folder: &Path) -> io::Error {
    let inner = folder.strip_prefix(start).unwrap_or(folder);
    let first = inner.components().next();
    let top = first.map_or_else(|| start.to_owned(), |name| start.join(name));
    let text = match removal::clear(&top) {
        Ok(()) => format!(
            "{} held folders nested too deeply, and was removed",
            top.display()
        ),
        Err(error) => format!("{} holds folders nested too deeply: {error}", top.display()),
    };
    io::Error::other(text)
}

/// What is in `folder`, which is opened for us if it is one of those that are passing: elsewhere modes are the title's.
fn entries(workspace: &Path, folder: &Path) -> io::Result<fs_err::ReadDir> {
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

/// Whether a link in `folder`, on the way to which there are none, leads out of `workspace`, by whatever other links.
///
/// What is not there in the workspace may be there tomorrow, and counts as a folder. What is not there outside of it leads
/// nowhere, unless something could be made in its place: links of Mac software to `/Applications` and the like are as
/// they are.
fn leads_out(workspace: &Path, folder: &Path, target: &Path) -> bool {
    let mut place = folder.to_owned();
    let mut ahead: Vec<OsString> = Vec::new();
    push(&mut ahead, target);
    let mut links = 0_usize;
    while let Some(part) = ahead.pop() {
        if part == "/" {
            place = PathBuf::from("/");
        } else if part == ".." {
            let was_within = place.starts_with(workspace);
            place.pop();
            // Above the workspace on the way, even if it comes back: what lies there is not the processor's.
            if was_within && !place.starts_with(workspace) {
                return true;
            }
        } else {
            place.push(&part);
            let found = place.symlink_metadata();
            if found.as_ref().is_ok_and(std::fs::Metadata::is_symlink) {
                let next = fs_err::read_link(&place);
                links = links.saturating_add(1);
                let (Ok(next), true) = (next, links <= MOST_LINKS) else {
                    return true;
                };
                place.pop();
                push(&mut ahead, &next);
            } else if let Err(error) = found
                && !place.starts_with(workspace)
            {
                let is_of_the_root = place.parent().is_some_and(|above| above == Path::new("/"));
                let leads_nowhere = is_of_the_root || !ahead.is_empty();
                return error.kind() != ErrorKind::NotFound || !leads_nowhere;
            }
        }
    }
    !place.starts_with(workspace)
}

/// Puts the parts of `target` on the way ahead, the first on top.
fn push(ahead: &mut Vec<OsString>, target: &Path) {
    let parts = target
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_owned());
    let at = ahead.len();
    ahead.extend(parts);
    if let Some(new) = ahead.get_mut(at..) {
        new.reverse();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn made() -> (tempfile::TempDir, PathBuf) {
        let house = tempfile::tempdir().unwrap();
        let house_path = house.path().canonicalize().unwrap();
        let workspace = house_path.join("w");
        fs_err::create_dir_all(workspace.join("app/Contents")).unwrap();
        fs_err::create_dir(house_path.join("secret")).unwrap();
        (house, workspace)
    }

    #[test]
    fn only_what_leads_out_does() {
        let (_house, workspace) = made();
        let folder = workspace.join("app/Contents");
        let inside = workspace.join("inside").display().to_string();
        let beside = format!("{}/../secret", workspace.display());
        for (target, out) in [
            ("Versions/Current", false),
            ("../Resources/x", false),
            ("../../../w/other", true),
            ("../../../../etc/passwd", true),
            ("/etc/passwd", true),
            (inside.as_str(), false),
            (beside.as_str(), true),
            ("/Applications", false),
            ("/Applications/../etc/passwd", false),
            ("/usr/new", true),
            ("/usr/local/new/bin/tool", false),
            ("missing/../../../../secret", true),
        ] {
            let found = leads_out(&workspace, &folder, Path::new(target));
            assert_eq!(found, out, "{target}");
        }
    }

    #[test]
    fn links_on_the_way_are_followed() {
        let (_house, workspace) = made();
        let deep = workspace.join("a/b/c");
        fs_err::create_dir_all(&deep).unwrap();
        // Each of them stays inside by its own words.
        symlink("../../..", deep.join("up")).unwrap();
        symlink("up/../secret", deep.join("evil")).unwrap();
        symlink("round", deep.join("round")).unwrap();
        symlink("../c/up/app", deep.join("fine")).unwrap();
        let found: Vec<PathBuf> = walk(&workspace)
            .unwrap()
            .into_iter()
            .map(|it| it.0)
            .collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.contains(&deep.join("evil")) && found.contains(&deep.join("round")));
    }

    #[tokio::test]
    async fn what_a_step_left_that_did_not_end_goes_later() {
        let (house, workspace) = made();
        let (old, new) = (workspace.join("old"), workspace.join("new"));
        symlink(house.path().join("secret"), &old).unwrap();
        recover(&workspace).unwrap();
        let before = begin(&workspace).await.unwrap();
        assert_eq!(before.len(), 1);
        symlink(house.path().join("secret"), &new).unwrap();
        recover(&workspace).unwrap();
        assert!(old.is_symlink() && !new.is_symlink());
        recover(&workspace).unwrap();
        assert!(old.is_symlink() && !place(&workspace).exists());
        // The program ended while it wrote down what was there: no step had begun.
        fs_err::write(place(&workspace), "[[[47,").unwrap();
        recover(&workspace).unwrap();
        assert!(old.is_symlink() && !place(&workspace).exists());
    }

    #[test]
    fn what_is_nested_too_deeply_is_removed() {
        let (_house, workspace) = made();
        let mut deep = workspace.join("nest");
        for _ in 0..=DEEPEST {
            deep.push("n");
        }
        fs_err::create_dir_all(&deep).unwrap();
        let told = walk(&workspace).unwrap_err().to_string();
        assert!(
            told.contains("nest held folders nested too deeply"),
            "{told}"
        );
        assert!(walk(&workspace).unwrap().is_empty() && workspace.join("app").is_dir());
    }
}
