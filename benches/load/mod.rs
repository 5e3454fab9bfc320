//! Load on a server, by `wrk`.

use std::process::Command;

use anyhow::{Context as _, ensure};

use super::site::{NAME, Standing};

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) requests_a_second: f64,
    pub(crate) bytes_a_second: f64,
    /// 99 of 100 took no longer.
    pub(crate) slowest_ms: f64,
}

/// Whether there is a `wrk`.
pub(crate) fn is_there() -> bool {
    Command::new("wrk").arg("-v").output().is_ok()
}

impl Load {
    /// Asks one of the servers for something of the first tenant's, so many clients at a time.
    pub(crate) fn ask(
        site: &Standing,
        server: usize,
        path: &str,
        clients: usize,
        seconds: usize,
    ) -> anyhow::Result<Self> {
        let url = format!(
            "https://127.0.0.1:{}/{}/{path}",
            site.port(server)?,
            site.slug
        );
        let output = Command::new("wrk")
            .args(["--threads", "2", "--latency", "--timeout", "30s"])
            .args(["--connections", &clients.to_string()])
            .args(["--duration", &format!("{seconds}s")])
            .args(["--header", &format!("Host: {NAME}")])
            .args(["--header", &format!("Authorization: Basic {}", site.basic)])
            .arg(url)
            .output()
            .context("`wrk` cannot be run")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "`wrk` failed: {said}");
        let refused = said.contains("Non-2xx");
        ensure!(!refused, "not everything was answered: {said}");
        let field = |name: &str| {
            let found = said.lines().find_map(|line| line.trim().strip_prefix(name));
            let word = found.and_then(|rest| rest.split_whitespace().next());
            word.with_context(|| format!("`wrk` does not say `{name}`: {said}"))
        };
        Ok(Self {
            requests_a_second: field("Requests/sec:")?.parse()?,
            bytes_a_second: scaled(field("Transfer/sec:")?)?,
            slowest_ms: scaled(field("99%")?)?,
        })
    }
}

/// A number as `wrk` writes it: of bytes, or of milliseconds.
fn scaled(text: &str) -> anyhow::Result<f64> {
    let scales = [
        ("KB", 1024.0),
        ("MB", 1024.0 * 1024.0),
        ("GB", 1024.0 * 1024.0 * 1024.0),
        ("us", 0.001),
        ("ms", 1.0),
        ("B", 1.0),
        ("s", 1000.0),
    ];
    let found = scales
        .into_iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)));
    let (number, scale) = found.with_context(|| format!("`{text}` is no number of `wrk`"))?;
    Ok(number.parse::<f64>()? * scale)
}
