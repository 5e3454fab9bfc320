//! Recipes, overrides, parents, substitution and trust, as AutoPkg 2.9 reads them.
//!
//! An **override** is the file that makes a title ours; it points to a **recipe**, which may have parents. A
//! [`Library`] knows the folders where they lie, finds one by path, name or identifier, and merges it with its parents
//! into a [`Resolved`]: the plan of a run. [`variables`] and [`substitute`] then fill in `%VARIABLES%`.
//!
//! **Trust information** ([`TrustInfo`]) is what an override records of its parents; [`verify_trust`] judges it in
//! `AutoPkg`'s own words, so that either tool accepts the other's overrides. It covers less than a run reaches:
//! a [`Closure`] also has files that shadow core processors, modules, and scripts that arguments name; our approvals
//! are made of those.
//!
//! ```
//! # fn main() -> Result<(), recipe::ResolveError> {
//! use recipe::{Library, substitute};
//!
//! let library = Library::new(&["/srv/recipes".to_owned()], &["/srv/overrides".to_owned()], None);
//! if let Ok(plan) = library.resolve("Firefox.munki") {
//!     for step in plan.steps() {
//!         for (name, value) in step.arguments() {
//!             let (value, notes) = substitute(value, plan.input());
//!             println!("{} {name} = {value:?} {notes:?}", step.processor());
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! **Invariants:** reads files, writes overrides and preferences, does nothing else: no network, no git ([`History`]
//! stands for it), no environment. A step always knows the file it came from. The digest of a recipe is that of the
//! very bytes that were merged. Nesting, aliases, chains and files have bounds; cycles are found.
//!
//! **Sources:** `AutoPkg` 2.9.1, `PyYAML` 6.0.3, `plistlib` and `distutils` of `CPython` 3.11; where `AutoPkg`
//! leaves the choice to the file system or to chance, names are sorted and nearer folders win.
#![forbid(unsafe_code)]

mod audit;
mod closure;
mod core_processors;
mod error;
mod file;
#[doc(hidden)]
pub mod fuzzing;
mod library;
mod lists;
mod override_file;
mod paths;
mod preferences;
mod resolve;
mod substitute;
mod trust;
mod variables;
mod version;
mod yaml;

pub use audit::{Auditor, Finding, Known, Language, MODIFIERS, Manual, RULES, Rule, Severity};
pub use closure::{Change, Closure, ClosureError, Member, Role, imported_modules, modules_of};
pub use core_processors::{CORE_PROCESSORS, is_core_processor, split_processor};
pub use error::{ReadError, ResolveError, WriteError, YamlError};
pub use file::{EXTENSIONS, Recipe, strip_extension};
pub use library::{Library, Listed, Memory, Scope, Survey};
pub use lists::RecipeList;
pub use override_file::{Format, new_override, to_bytes, write as write_override};
pub use paths::{absolute, compress_user, expand_user};
pub use preferences::{Preferences, PreferencesError};
pub use resolve::{Resolved, Step};
pub use substitute::{Note, assign, references, substitute, substitute_all};
pub use trust::{Distrust, History, NoHistory, TrustEntry, TrustInfo, verify as verify_trust};
pub use variables::{Outside, variables};
pub use version::{LooseVersion, NotComparable};
pub use yaml::from_bytes as from_yaml;
