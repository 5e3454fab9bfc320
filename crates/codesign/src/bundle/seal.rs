//! The list of a bundle's resources, compared with what is there.

use std::collections::{HashMap, HashSet};

use media::{Entry, Kind, Tree};
use proplist::{Dict, Value};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    Layout,
    files::{SealedFile, altered, compare_files},
    layout::{children, is_link_to_seal, join, read_file},
    links::Scope,
    rules::{Rules, Treatment},
};
use crate::flaw::Flaw;

const MAX_LEVELS: usize = 64;
const PKG_INFO_LEN: u64 = 64;

/// What the seal says, version 2 (`files2`, `rules2`).
#[derive(Debug)]
pub(super) struct Seal {
    rules: Rules,
    /// By path relative to the sealed folder, in composed form: the same name may be stored in either form.
    files: HashMap<String, Sealed>,
}

/// What is sealed of one file.
#[derive(Debug)]
struct Sealed {
    is_optional: bool,
    what: What,
}

#[derive(Debug)]
enum What {
    Hashes {
        sha1: Option<Vec<u8>>,
        sha256: Option<Vec<u8>>,
    },
    Link {
        target: String,
    },
    Nested(NestedSeal),
}

/// What is sealed of code that has a signature of its own.
#[derive(Clone, Debug)]
pub(super) struct NestedSeal {
    pub(super) cdhash: Option<Vec<u8>>,
    pub(super) requirement: Option<String>,
}

/// What came of a comparison in which everything fitted.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Code that is sealed by its own signature.
    pub(super) nested: Vec<Nested>,
    /// Files that the rules leave out, and that nothing else protects.
    pub(super) unsealed: Vec<String>,
    /// How many files, links and pieces of code are as sealed.
    pub(super) count: usize,
}

/// Code with a signature of its own, to be judged by it.
#[derive(Debug)]
pub(super) struct Nested {
    pub(super) path: String,
    pub(super) seal: NestedSeal,
}

impl Seal {
    /// Reads a list of resources (`_CodeSignature/CodeResources`).
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let list = match proplist::from_bytes(bytes) {
            Ok(Value::Dict(list)) => list,
            Ok(_) => {
                return Err(Flaw::new(
                    "malformed",
                    "the list of resources is no dictionary",
                ));
            }
            Err(error) => {
                return Err(Flaw::new(
                    "malformed",
                    format!("the list of resources: {error}"),
                ));
            }
        };
        let part = |name: &str| list.get(name).and_then(Value::as_dict);
        let (Some(rules), Some(files)) = (part("rules2"), part("files2")) else {
            return Err(Flaw::new(
                "resource-envelope-obsolete",
                "only a seal of the first version, which leaves code unsealed",
            ));
        };
        let mut sealed = HashMap::new();
        for (path, value) in files {
            if sealed
                .insert(composed(path), Sealed::read(path, value)?)
                .is_some()
            {
                return Err(Flaw::new("malformed", format!("`{path}` is sealed twice")));
            }
        }
        Ok(Self {
            rules: Rules::read(rules)?,
            files: sealed,
        })
    }

    /// What it says of files.
    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What the list covers of the bundle laid out as `layout` says, which lies in `outer`.
    pub(super) const fn scope<'a>(
        &'a self,
        layout: &'a Layout,
        outer: Option<&'a Scope<'a>>,
    ) -> Scope<'a> {
        let rules = &self.rules;
        Scope {
            layout,
            rules,
            outer,
        }
    }

    /// Compares what is there with the list.
    pub(super) fn compare(&self, tree: &dyn Tree, scope: &Scope<'_>) -> Result<Compared, Flaw> {
        let mut walk = Walk {
            seal: self,
            tree,
            scope,
            layout: scope.layout,
            compared: Compared::default(),
            seen: HashSet::new(),
            files: Vec::new(),
        };
        walk.folder("", MAX_LEVELS)?;
        let Walk {
            compared,
            seen,
            files,
            ..
        } = walk;
        let missing = self
            .files
            .iter()
            .filter(|(path, sealed)| !sealed.is_optional && !seen.contains(*path))
            .map(|(path, _)| path)
            .min();
        if let Some(path) = missing {
            return Err(Flaw::new(
                "resource-missing",
                format!("`{path}` is missing"),
            ));
        }
        compare_files(tree, &files)?;
        Ok(compared)
    }
}

impl Sealed {
    fn read(path: &str, value: &Value) -> Result<Self, Flaw> {
        let dict = match value {
            Value::Data(sha1) => {
                let what = What::Hashes {
                    sha1: Some(sha1.clone()),
                    sha256: None,
                };
                return Ok(Self {
                    is_optional: false,
                    what,
                });
            }
            Value::Dict(dict) => dict,
            _ => return Err(malformed(path)),
        };
        let data = |name: &str| data(path, dict, name);
        let text = |name: &str| dict.get(name).and_then(Value::as_str).map(str::to_owned);
        let (sha1, sha256) = (data("hash")?, data("hash2")?);
        let (cdhash, requirement) = (data("cdhash")?, text("requirement"));
        let what = match (text("symlink"), sha1.is_some() || sha256.is_some()) {
            (Some(target), false) => What::Link { target },
            (None, true) => What::Hashes { sha1, sha256 },
            (None, false) if cdhash.is_some() || requirement.is_some() => {
                What::Nested(NestedSeal {
                    cdhash,
                    requirement,
                })
            }
            _ => return Err(malformed(path)),
        };
        Ok(Self {
            is_optional: dict.get("optional") == Some(&Value::Bool(true)),
            what,
        })
    }
}

/// The bytes under `name` in the seal of `path`, if there is anything under that name.
fn data(path: &str, dict: &Dict, name: &str) -> Result<Option<Vec<u8>>, Flaw> {
    match dict.get(name) {
        None => Ok(None),
        Some(Value::Data(bytes)) if !bytes.is_empty() => Ok(Some(bytes.clone())),
        Some(_) => Err(malformed(path)),
    }
}

fn malformed(path: &str) -> Flaw {
    Flaw::new("malformed", format!("the seal of `{path}`"))
}

struct Walk<'a> {
    seal: &'a Seal,
    tree: &'a dyn Tree,
    scope: &'a Scope<'a>,
    layout: &'a Layout,
    compared: Compared,
    seen: HashSet<String>,
    /// Those whose bytes are still to be compared.
    files: Vec<SealedFile<'a>>,
}

impl Walk<'_> {
    fn folder(&mut self, relative: &str, levels: usize) -> Result<(), Flaw> {
        let Some(levels) = levels.checked_sub(1) else {
            return Err(Flaw::new("bundle-structure", "folders nested too deep"));
        };
        for entry in children(self.tree, &path(&self.layout.sealed, relative))? {
            let relative = join(relative, entry.name());
            if self.is_apart(&relative, &entry) {
                continue;
            }
            let treatment = self.seal.rules.treatment(&relative);
            match (&entry.kind, treatment) {
                (Kind::Folder, Treatment::Nested) if entry.name().contains('.') => {
                    self.sealed(&relative, &entry)?;
                }
                (Kind::Folder, _) => self.folder(&relative, levels)?,
                (_, Treatment::Omitted) => self.omitted(relative, &entry)?,
                (_, Treatment::Sealed | Treatment::Nested) => self.sealed(&relative, &entry)?,
            }
        }
        Ok(())
    }

    /// What cannot be sealed: the seal itself, the notarization ticket, the receipt of the store, the main program.
    fn is_apart(&self, relative: &str, entry: &Entry) -> bool {
        match relative {
            "_CodeSignature" | "_MASReceipt" => entry.is_folder(),
            "CodeResources" => entry.is_file() || is_link_to_seal(entry),
            _ => entry.is_file() && self.layout.program.as_ref() == Some(&entry.path),
        }
    }

    /// The information property list is bound by the code directory, and `PkgInfo` repeats part of it.
    fn omitted(&mut self, relative: String, entry: &Entry) -> Result<(), Flaw> {
        if entry.path == self.layout.info_path {
            return Ok(());
        }
        if matches!(entry.kind, Kind::Link { .. }) {
            return Err(Flaw::new(
                "resource-added",
                format!("`{relative}` is a link, and not sealed"),
            ));
        }
        if relative != "PkgInfo" {
            self.compared.unsealed.push(relative);
            return Ok(());
        }
        let stated = read_file(self.tree, &entry.path, PKG_INFO_LEN)?;
        if stated.is_some_and(|stated| self.layout.is_pkg_info(&stated)) {
            Ok(())
        } else {
            Err(Flaw::new(
                "resource-altered",
                "`PkgInfo` differs from the information property list",
            ))
        }
    }

    fn sealed(&mut self, relative: &str, entry: &Entry) -> Result<(), Flaw> {
        let key = composed(relative);
        let Some(sealed) = self.seal.files.get(&key) else {
            return Err(Flaw::new(
                "resource-added",
                format!("`{relative}` was added"),
            ));
        };
        if !self.seen.insert(key) {
            return Err(Flaw::new(
                "resource-added",
                format!("`{relative}` is there twice"),
            ));
        }
        self.compared.count = self.compared.count.saturating_add(1);
        match (&sealed.what, &entry.kind) {
            (What::Link { target: sealed }, Kind::Link { target }) if sealed == target => {
                if self.scope.allows(self.tree, &entry.path, target)? {
                    return Ok(());
                }
                Err(Flaw::new(
                    "resource-link-leads-out",
                    format!("the link `{relative}` leads to `{target}`, which is not sealed"),
                ))
            }
            (What::Hashes { sha1, sha256 }, Kind::File { len_bytes }) => {
                self.files.push(SealedFile {
                    relative: relative.to_owned(),
                    path: entry.path.clone(),
                    len_bytes: *len_bytes,
                    sha1: sha1.as_deref(),
                    sha256: sha256.as_deref(),
                });
                Ok(())
            }
            (What::Nested(seal), Kind::File { .. } | Kind::Folder) => {
                self.compared.nested.push(Nested {
                    path: entry.path.clone(),
                    seal: seal.clone(),
                });
                Ok(())
            }
            _ => Err(altered(relative)),
        }
    }
}

fn path(folder: &str, relative: &str) -> String {
    if relative.is_empty() {
        folder.to_owned()
    } else {
        join(folder, relative)
    }
}

fn composed(path: &str) -> String {
    // Most paths are, and none of the many others needs the tables.
    if path.is_ascii() {
        return path.to_owned();
    }
    path.nfc().collect()
}
