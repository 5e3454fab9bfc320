//! A core processor that a community processor builds on, carried out in the sandbox.

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

use serde_json::Value as Json;

use super::Refusal;
use crate::printer::Printer;

/// A longer order is none.
const LONGEST_BYTES: u64 = 64 << 20;

/// Reads the order from the standard input, and writes one message a line.
pub(super) fn run(_words: &[String], _printer: Printer) -> Result<u8, Refusal> {
    let mut order = Vec::new();
    std::io::stdin()
        .take(LONGEST_BYTES)
        .read_to_end(&mut order)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(processors::serve_step(&order, Arc::new(tell)));
    tell(&answer);
    Ok(u8::from(answer.get("done").is_none()))
}

/// Nobody hears it if the pipe is closed: the processor that asked is gone, and so is what it asked for.
fn tell(message: &Json) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{message}")
        .and_then(|()| out.flush())
        .unwrap_or_default();
}
