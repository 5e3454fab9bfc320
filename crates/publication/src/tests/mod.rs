//! Repositories as Munki's own tools leave them, and as crashes do.

mod change;
mod check;
mod conformance;
mod crash;
mod index;
mod odd;
mod scene;
