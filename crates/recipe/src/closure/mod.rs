//! Everything that a plan reaches, with digests: what our own approvals approve.

mod modules;
mod resources;

use std::{
    io,
    path::{Path, PathBuf},
};

use model::Sha256;
use serde::{Deserialize, Serialize};

pub use self::modules::{imported_modules, modules_of};
use crate::{History, Library, Outside, Resolved, Step, absolute, is_core_processor};

/// Why a plan's reach could not be told. Such a plan cannot be approved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClosureError {
    /// A file could not be read.
    #[error("cannot read `{}`, which the plan reaches", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An argument names a folder with more in it than anybody could look over.
    #[error("`{}` holds more than {limit} files, too many to approve; name the files a step needs", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
}

/// Why a file belongs to a plan.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// A Python file that a community processor can import: beside it, or in a package beside it that it imports.
    Module,
    /// The file that was asked for.
    Override,
    /// A recipe that it was merged with.
    Parent,
    /// A community processor.
    Processor,
    /// A script or other file that an argument names.
    Resource,
    /// A file named like a core processor, which `AutoPkg` would run in its stead.
    Shadow,
}

/// One file that a plan reaches.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Member {
    /// Why it belongs to the plan.
    pub role: Role,
    /// The identifier of a recipe, the name of a processor as its step has it, the path of anything else.
    pub name: String,
    /// Where it lies, from the root; empty if it was not found.
    pub path: PathBuf,
    /// The digest of its bytes; none if there is no such file.
    pub sha256: Option<Sha256>,
    /// The commit that last touched it, if it is as that commit has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether only processors before or after the recipe's own reach it: what is approved of these holds with and without
    /// them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_around: bool,
}

/// Everything that a plan reaches, each file once, sorted.
///
/// Two closures are the same approval if [`Closure::changes`] is empty: only contents count, not where files lie.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Closure {
    members: Vec<Member>,
}

/// How a plan differs from what was approved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// It reaches a file that it did not reach.
    Added(Member),
    /// It no longer reaches a file.
    Removed(Member),
    /// A file's contents differ.
    Modified {
        /// The file as it was approved.
        approved: Member,
        /// The file as it is.
        now: Member,
    },
}

impl Change {
    /// The file as it is, or as it last was.
    pub const fn member(&self) -> &Member {
        match self {
            Self::Added(member) | Self::Removed(member) | Self::Modified { now: member, .. } => {
                member
            }
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self {
            Self::Added(_) => "is new",
            Self::Removed(_) => "is gone",
            Self::Modified { .. } => "has changed",
        };
        write!(f, "{} `{}` {what}", self.member().role, self.member().name)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Module => "module",
            Self::Override => "override",
            Self::Parent => "parent recipe",
            Self::Processor => "processor",
            Self::Resource => "resource",
            Self::Shadow => "file named like a core processor",
        })
    }
}

impl Closure {
    /// Finds everything that `recipe` reaches when it runs with `outside`.
    ///
    /// The digests of recipes are those of the bytes that were merged into `recipe`, so that nothing can be put in
    /// between; all other files are read now.
    ///
    /// # Errors
    /// If a file cannot be read, or an argument names a folder with too much in it.
    pub fn of(
        recipe: &Resolved,
        library: &Library,
        history: &dyn History,
        outside: &Outside,
    ) -> Result<Self, ClosureError> {
        let mut members = Vec::new();
        for (index, file) in recipe.chain().iter().enumerate() {
            let path = absolute(file.path());
            members.push(Member {
                role: if index == 0 {
                    Role::Override
                } else {
                    Role::Parent
                },
                name: file
                    .identifier()
                    .map_or_else(|| path.display().to_string(), str::to_owned),
                sha256: Some(file.sha256()),
                commit: history.last_commit(&path),
                path,
                is_around: false,
            });
        }
        for step in recipe.steps() {
            let path = library.processor_path(recipe, step.processor());
            members.extend(of_step(step, path, history)?);
        }
        for path in resources::of(recipe, outside)? {
            let name = path.display().to_string();
            members.push(member(Role::Resource, &name, &path, history)?);
        }
        let place = |member: &Member| (member.role, member.name.clone(), member.is_around);
        members.sort_by_cached_key(place);
        members.dedup_by(|left, right| (left.role, &left.name) == (right.role, &right.name));
        Ok(Self { members })
    }

    /// The files, sorted by role and name.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// How `now` differs from this, the approved one.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        let find = |closure: &'_ Self, member: &Member| {
            closure
                .members
                .iter()
                .find(|other| (other.role, &other.name) == (member.role, &member.name))
                .cloned()
        };
        let mut changes = Vec::new();
        for approved in &self.members {
            match find(now, approved) {
                None if approved.is_around => {}
                None => changes.push(Change::Removed(approved.clone())),
                Some(now) if now.sha256 != approved.sha256 => {
                    changes.push(Change::Modified {
                        approved: approved.clone(),
                        now,
                    });
                }
                Some(_) => {}
            }
        }
        let new = now
            .members
            .iter()
            .filter(|member| find(self, member).is_none());
        changes.extend(new.cloned().map(Change::Added));
        changes
    }
}

/// What a step reaches whose processor, if it is a file, is `path`.
fn of_step(
    step: &Step,
    path: Option<PathBuf>,
    history: &dyn History,
) -> Result<Vec<Member>, ClosureError> {
    let processor = step.processor();
    let mut members = Vec::new();
    let mut add = |role: Role, name: &str, path: &Path| {
        members.push(Member {
            // The recipe's own are written somewhere.
            is_around: step.source().is_none(),
            ..member(role, name, path, history)?
        });
        Ok::<_, ClosureError>(())
    };
    match (is_core_processor(processor), path) {
        (true, Some(path)) => add(Role::Shadow, processor, &absolute(&path))?,
        (true, None) => {}
        (false, Some(path)) => {
            let path = absolute(&path);
            add(Role::Processor, processor, &path)?;
            for module in modules_of(&path)? {
                add(Role::Module, &module.display().to_string(), &module)?;
            }
            for named in resources::named_by(&path) {
                add(Role::Resource, &named.display().to_string(), &named)?;
            }
        }
        (false, None) => members.push(Member {
            role: Role::Processor,
            name: processor.to_owned(),
            path: PathBuf::new(),
            sha256: None,
            commit: None,
            is_around: step.source().is_none(),
        }),
    }
    Ok(members)
}

fn member(
    role: Role,
    name: &str,
    path: &Path,
    history: &dyn History,
) -> Result<Member, ClosureError> {
    let io = |source| ClosureError::Io {
        path: path.to_owned(),
        source,
    };
    let sha256 = if path.is_file() {
        let mut file = fs_err::File::open(path).map_err(io)?;
        Some(Sha256::of_reader(&mut file).map_err(io)?.0)
    } else {
        None
    };
    Ok(Member {
        role,
        name: name.to_owned(),
        path: path.to_owned(),
        sha256,
        commit: history.last_commit(path),
        is_around: false,
    })
}

#[cfg(test)]
mod tests;
