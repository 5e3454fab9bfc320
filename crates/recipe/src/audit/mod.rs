//! What to look at in a recipe before it is trusted, and what in it does not do what its author thinks.
//!
//! An [`Auditor`] looks at a recipe that was put together with its parents, and gives [`Finding`]s: each belongs to one
//! of the [`RULES`], names a file and a line in it, and says how it is mended. What processors read and set, and
//! whether a text is in its language, it asks a [`Manual`]: it runs nothing and knows no processor itself.
//!
//! **Invariants:** reads the files of the chain and nothing else; the same files give the same findings in the same
//! order.
//!
//! **Sources:** `autopkg` 2.9.1 `audit`, for the first four things looked for; `AutoPackager.verify`.

mod arguments;
mod auditor;
mod chain;
mod download;
mod files;
mod finding;
mod manual;
mod nearest;
mod pkginfo;
mod processors;
mod refused;
mod rules;
mod signature;
#[cfg(test)]
mod tests;
mod texts;

pub use auditor::Auditor;
pub use finding::{Finding, Rule, Severity};
pub use manual::{Known, Language, Manual};
pub use processors::MODIFIERS;
pub use rules::RULES;
