//! Downloads: one pass to disk through SHA-256, resumable, conditional, bounded.
#![forbid(unsafe_code)]

/// Downloads over HTTP and HTTPS with limits, time-outs and retries.
#[derive(Debug)]
pub struct Fetcher {}
