//! The demo; `cargo xtask demo` builds it and starts it with everything it needs.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    testkit::demo::main().await
}
