//! Limits of the fetcher.

use std::{collections::BTreeSet, time::Duration};

/// Limits of the fetcher.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long nothing may come; curl's `--speed-time 30` as `AutoPkg` uses it.
    pub read_timeout: Duration,
    /// How long a whole download may take, retries included.
    pub download_timeout: Duration,
    /// How long a whole text may take, retries included.
    pub text_timeout: Duration,
    /// The largest file that is downloaded.
    pub max_download_bytes: u64,
    /// The largest text that is read.
    pub max_text_bytes: u64,
    /// How many redirects are followed.
    pub max_redirects: usize,
    /// How many requests run against one host at a time.
    pub per_host: usize,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How the program calls itself, unless a recipe says otherwise.
    pub user_agent: String,
    /// Hosts that may be asked without encryption, by name or address without port: stand-ins on loopback.
    pub plain_http_hosts: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        const MIB: u64 = 1 << 20;
        Self {
            connect_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(30),
            download_timeout: Duration::from_hours(4),
            text_timeout: Duration::from_mins(3),
            max_download_bytes: 32 * GIB,
            max_text_bytes: 32 * MIB,
            max_redirects: 10,
            per_host: 2,
            retry: RetryPolicy::default(),
            user_agent: concat!("auto-update/", env!("CARGO_PKG_VERSION")).to_owned(),
            plain_http_hosts: BTreeSet::new(),
        }
    }
}

/// When to try again after a failure that may pass.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// How often in all, the first time included. An attempt that brought bytes starts the count anew.
    pub attempts: u32,
    /// The longest wait before the second attempt; each further one may be twice as long.
    pub first_delay: Duration,
    /// The longest wait at all, also where the server asks for more.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_mins(1),
        }
    }
}

impl RetryPolicy {
    /// Never again.
    pub const NONE: Self = Self {
        attempts: 1,
        first_delay: Duration::ZERO,
        max_delay: Duration::ZERO,
    };

    /// How long to wait before another attempt after `failed` ones.
    ///
    /// A random part of the exponential delay ("full jitter"), so that runs that failed together do not come back
    /// together; at least what the server asked for.
    pub(crate) fn delay(self, failed: u32, asked: Option<Duration>) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        let longest = self.first_delay.saturating_mul(doubled);
        let jittered = longest.mul_f64(fastrand::f64());
        jittered.max(asked.unwrap_or_default()).min(self.max_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_the_limit_and_honour_the_server() {
        let policy = RetryPolicy::default();
        for failed in 1..100 {
            assert!(policy.delay(failed, None) <= policy.max_delay);
        }
        assert!(policy.delay(1, None) <= policy.first_delay);
        let asked = Duration::from_secs(20);
        assert!(policy.delay(1, Some(asked)) >= asked);
        assert_eq!(policy.delay(1, Some(Duration::MAX)), policy.max_delay);
    }
}
