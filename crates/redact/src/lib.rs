//! Keeps secrets out of everything that people and programs read.
//!
//! - [`Secret`] holds a value that has no `Display` and no `Serialize`; its `Debug` shows stars.
//! - [`SafeUrl`] shows an address without user, password, and the values of its query.
//! - [`is_secret_name`] says which variables hold one.
//! - [`Scrubber`] takes known secrets out of other programs' text, by value.
//!
//! **Invariant:** nothing here prints, and a value leaves a [`Secret`] only through [`Secret::expose`], so that
//! one search finds every use.
#![forbid(unsafe_code)]

mod names;
mod scrub;
mod secret;
mod url;

pub use names::is_secret_name;
pub use scrub::Scrubber;
pub use secret::Secret;
pub use url::SafeUrl;
