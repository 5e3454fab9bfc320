//! Recipe repositories: cloned, updated and asked for their history with git2.
#![forbid(unsafe_code)]
