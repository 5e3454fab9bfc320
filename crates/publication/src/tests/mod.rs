//! Repositories as Munki's own tools leave them, and as crashes do.

mod change;
mod check;
mod conformance;
mod crash;
mod fault;
mod index;
mod looking;
mod object;
mod odd;
mod scene;
