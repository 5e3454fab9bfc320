//! The life of a run: trust, steps, gates, parking, publication, incidents.
#![forbid(unsafe_code)]
