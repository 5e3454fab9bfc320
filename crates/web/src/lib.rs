//! HTTP edges: health and metrics.
#![forbid(unsafe_code)]
