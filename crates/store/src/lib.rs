//! Everything that must outlive the process: all SQL is here.
#![forbid(unsafe_code)]
