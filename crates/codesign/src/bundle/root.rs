//! What may lie beside the sealed parts of a bundle: next to nothing, since nothing protects it.
//!
//! # Source
//! `BundleDiskRep::setup`, `validateFrameworkRoot` and `validateMetaDirectory` in Apple's open Security sources.

use media::{Entry, Kind, Tree};

use super::{
    Layout,
    layout::{children, join},
};
use crate::flaw::Flaw;

const SIGNATURE: &str = "_CodeSignature";

/// Files of the Finder's and the like beside `Contents`.
const HARMLESS: [&str; 4] = [
    ".DS_Store",
    ".LSOverride",
    ".SoftwareDepot.tracking",
    "Icon\r",
];

impl Layout {
    /// Whether something lies beside the sealed folder that nothing protects; gives the paths of a framework's other
    /// versions, which are to be judged by their own signatures.
    pub(crate) fn judge_root(&self, tree: &dyn Tree) -> Result<Vec<String>, Flaw> {
        if self.sealed == self.root {
            return Ok(Vec::new());
        }
        let versions = join(&self.root, "Versions/");
        match self.sealed.strip_prefix(&versions) {
            None => self.judge_app_root(tree).map(|()| Vec::new()),
            Some(current) => {
                self.judge_framework_root(tree, current)?;
                self.other_versions(tree)
            }
        }
    }

    fn judge_app_root(&self, tree: &dyn Tree) -> Result<(), Flaw> {
        for entry in children(tree, &self.root)? {
            let is_contents = entry.is_folder() && entry.name() == "Contents";
            if !is_contents && !is_harmless(&entry, &HARMLESS) {
                return Err(unsealed(&entry));
            }
        }
        Ok(())
    }

    /// Beside `Versions`, links may lead to their namesakes in the current version.
    fn judge_framework_root(&self, tree: &dyn Tree, current: &str) -> Result<(), Flaw> {
        for entry in children(tree, &self.root)? {
            let known = match &entry.kind {
                Kind::Folder => entry.name() == "Versions",
                Kind::Link { target } => is_namesake(target, current, entry.name()),
                Kind::File { .. } => is_harmless(&entry, &[".DS_Store", "module.map"]),
            };
            if !known {
                return Err(unsealed(&entry));
            }
        }
        Ok(())
    }

    fn other_versions(&self, tree: &dyn Tree) -> Result<Vec<String>, Flaw> {
        let mut others = Vec::new();
        for entry in children(tree, &join(&self.root, "Versions"))? {
            match &entry.kind {
                Kind::Folder if entry.path == self.sealed => {}
                Kind::Folder => others.push(entry.path),
                Kind::Link { .. } if entry.name() == "Current" => {}
                _ if is_harmless(&entry, &[".DS_Store"]) => {}
                _ => return Err(unsealed(&entry)),
            }
        }
        Ok(others)
    }

    /// Whether the folder of the signature, and that of the store's receipt, hold nothing but what belongs there:
    /// the seal leaves them out. `parts` are the files that the signature is read from, beside the seal itself.
    pub(super) fn judge_signature_folder(
        &self,
        tree: &dyn Tree,
        parts: &[&str],
    ) -> Result<(), Flaw> {
        for (name, files) in [(SIGNATURE, parts), ("_MASReceipt", &["receipt"])] {
            let folder = join(&self.sealed, name);
            let is_there = super::layout::entry(tree, &folder)?;
            if is_there.is_none_or(|entry| !entry.is_folder()) {
                continue;
            }
            for entry in children(tree, &folder)? {
                let known = match (entry.name(), entry.len_bytes()) {
                    (_, None) => false,
                    ("CodeResources", _) | ("CodeSignature", Some(0)) if name == SIGNATURE => true,
                    (name, _) => files.contains(&name),
                };
                if !known {
                    return Err(Flaw::new(
                        "signature-folder-stray",
                        format!("`{}` is no part of the signature", entry.path),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn is_harmless(entry: &Entry, names: &[&str]) -> bool {
    entry.is_file() && entry.mode & 0o111 == 0 && names.contains(&entry.name())
}

fn is_namesake(target: &str, current: &str, name: &str) -> bool {
    let target = target.strip_prefix("./").unwrap_or(target);
    let parts: Vec<&str> = target.split('/').collect();
    parts == ["Versions", "Current", name] || parts == ["Versions", current, name]
}

fn unsealed(entry: &Entry) -> Flaw {
    Flaw::new(
        "unsealed-root",
        format!("`{}` lies beside what is sealed", entry.path),
    )
}
