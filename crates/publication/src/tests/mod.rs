//! Repositories as Munki's own tools leave them.

mod check;
mod conformance;
mod odd;
