//! Other people's programs, run where they can do no harm.
//!
//! A [`Room`] says what a program sees and may use. [`Bubblewrap::start`] starts it there, in namespaces of its own, and a
//! [`Confined`] is the running program with its pipes; whoever drops it ends it and everything it started.
//!
//! In the room:
//! - the system's programs and libraries (`/usr`), to read; no `/etc`, no home, no other folder of the house;
//! - the files and folders that the room names, to read, and those it names to write;
//! - `/tmp`, empty, in memory, gone with the program, or a folder that the room names;
//! - no network, unless the room has one; no process of the system; no capability; no new privileges; none of the
//!   environment;
//! - of the kernel's calls those that ordinary programs make: a filter refuses the rest.
//!
//! **Limits.** A watch looks at the program and all its descendants several times a second, and ends all of them at once
//! when they have more memory together, are more processes, or take longer than the room allows. Ending is certain:
//! everything is in one process namespace, whose first process dies with the program that made it.
//!
//! **Invariants**
//! - Nothing is started if the room cannot be made; there is no weaker way to fall back to.
//! - The text that a program printed is bounded before it is kept.
//!
//! Sources: `bwrap(1)`, `namespaces(7)`, `proc(5)`, `seccomp(2)`.
#![forbid(unsafe_code)]

mod bubblewrap;
mod confined;
mod error;
mod filter;
mod room;
mod watch;

#[cfg(test)]
mod tests;

pub use bubblewrap::Bubblewrap;
pub use confined::{Confined, Ended, Excuse, Excused};
pub use error::{Breach, SandboxError};
pub use room::{Limits, Network, Room};
