//! Looks for what counts.

use std::io;

use media::{Entry, Kind, MediaError, Tree};
use model::Sha256;
use wire::{Budget, ParseError};

use super::{
    Inventory,
    path::{name, split},
};

/// How many media within each other are looked into: a package in a disk image in an archive, and one more.
const MOST_LEVELS: usize = 4;
/// `S_ISUID` and `S_ISGID`.
const SET_ID: u32 = 0o6000;
/// Somebody may execute it.
const EXECUTABLE: u32 = 0o111;

/// What is in `tree`.
///
/// # Errors
/// If it cannot be walked through, or holds more than a medium may.
pub(crate) fn into(tree: &dyn Tree) -> Result<Inventory, MediaError> {
    let mut look = Look {
        found: Inventory::default(),
        budget: Budget::for_medium("payload"),
    };
    look.through(tree, "", MOST_LEVELS)?;
    Ok(look.found)
}

struct Look {
    found: Inventory,
    /// For all that is packed into each other together.
    budget: Budget,
}

impl Look {
    /// `prefix` is the path of the tree, with a slash.
    fn through(&mut self, tree: &dyn Tree, prefix: &str, levels: usize) -> Result<(), MediaError> {
        let entries = media::walk(tree, "")?;
        let is_package = entries.iter().any(|entry| is_package_list(&entry.path));
        for entry in &entries {
            self.budget.spend_entry()?;
            let shown = format!("{prefix}{}", entry.path);
            match &entry.kind {
                Kind::Folder => self.folder(&entry.path, shown),
                Kind::Link { .. } => {}
                // A payload is both a file and a folder; what is in it comes by itself.
                Kind::File { .. } if tree.holds_entries(entry) || is_twin(&entry.path) => {}
                Kind::File { len_bytes } => {
                    self.found.files = self.found.files.saturating_add(1);
                    self.found.bytes = self.found.bytes.saturating_add(*len_bytes);
                    if is_script(&entry.path, is_package) {
                        self.script(tree, entry, shown);
                    } else {
                        self.file(tree, entry, shown, levels)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &str, shown: String) {
        let name = name(path);
        let is_extension = [".kext", ".systemextension", ".dext"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
        if is_extension || in_folder(path, "SecurityAgentPlugins") {
            self.found.extensions.insert(shown);
        }
    }

    fn file(
        &mut self,
        tree: &dyn Tree,
        entry: &Entry,
        shown: String,
        levels: usize,
    ) -> Result<(), MediaError> {
        let path = &entry.path;
        if entry.mode & SET_ID != 0 {
            self.found.set_id.insert(shown.clone());
        }
        if in_folder(path, "LaunchDaemons") || in_folder(path, "LaunchAgents") {
            self.found.launch_jobs.insert(shown.clone());
        }
        if in_folder(path, "PrivilegedHelperTools") || in_folder(path, "Library/LaunchServices") {
            self.found.helpers.insert(shown.clone());
        }
        if is_container(path) {
            return self.container(tree, path, shown, levels);
        }
        if entry.mode & EXECUTABLE != 0 {
            self.program(tree, path, shown);
        }
        Ok(())
    }

    fn script(&mut self, tree: &dyn Tree, entry: &Entry, shown: String) {
        let digest = tree
            .open(&entry.path)
            .map_err(io::Error::other)
            .and_then(|mut script| Sha256::of_reader(&mut script));
        match digest {
            Ok((digest, _)) => {
                self.found.scripts.insert(shown, digest);
            }
            Err(_) => {
                self.found.unreadable.insert(shown);
            }
        }
    }

    fn program(&mut self, tree: &dyn Tree, path: &str, shown: String) {
        let claims = tree
            .source(path)
            .map_err(|error| error.to_string())
            .and_then(|source| codesign::claims(&source).map_err(|error| error.to_string()));
        match claims {
            Ok(Some(claims)) if !claims.entitlements.is_empty() => {
                let known = self.found.entitlements.entry(claims.identifier);
                known.or_default().extend(claims.entitlements);
            }
            Ok(_) => {}
            Err(_) => {
                self.found.unreadable.insert(shown);
            }
        }
    }

    /// Looks into what is packed in a medium.
    fn container(
        &mut self,
        tree: &dyn Tree,
        path: &str,
        shown: String,
        levels: usize,
    ) -> Result<(), MediaError> {
        let Some(levels) = levels.checked_sub(1) else {
            self.found.unreadable.insert(shown);
            return Ok(());
        };
        let inner = tree
            .source(path)
            .and_then(|source| media::open_source(source, &self.budget));
        let looked = inner.and_then(|inner| self.through(&*inner, &format!("{shown}/"), levels));
        match looked {
            // More than a medium may hold is said of the whole, not of a part.
            Err(error @ MediaError::Parse(ParseError::Budget { .. })) => Err(error),
            Err(_) => {
                self.found.unreadable.insert(shown);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Whether it carries the extended attributes of the file beside it.
fn is_twin(path: &str) -> bool {
    name(path).starts_with("._")
}

/// Whether it is what tells a flat package from other archives.
fn is_package_list(path: &str) -> bool {
    matches!(name(path), "PackageInfo" | "Distribution")
}

/// Whether an installer runs it: what is in the scripts of a package, or one of those that it takes from a bundle.
fn is_script(path: &str, is_package: bool) -> bool {
    let in_scripts = path.starts_with("Scripts/") || path.contains(".pkg/Scripts/");
    if is_package && in_scripts {
        return true;
    }
    let (folder, name) = split(path);
    let of_bundle = folder.ends_with("pkg/Contents/Resources");
    let stages = ["preflight", "postflight"];
    let steps = ["install", "upgrade"];
    of_bundle
        && (stages.contains(&name)
            || ["pre", "post"].iter().any(|stage| {
                let step = name.strip_prefix(stage);
                step.is_some_and(|step| steps.contains(&step))
            }))
}

/// Whether `path` is right in a folder of that name.
fn in_folder(path: &str, folder: &str) -> bool {
    let (around, _) = split(path);
    let above = around.strip_suffix(folder);
    above.is_some_and(|above| above.is_empty() || above.ends_with('/'))
}

/// Whether it is something that is opened, or installed from. By name: what is not installed by its name does nothing
/// but lie there, and whatever opens it is a program that is looked at.
pub(crate) fn is_container(path: &str) -> bool {
    let (_, extension) = name(path).rsplit_once('.').unwrap_or_default();
    ["pkg", "mpkg", "dmg"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}
