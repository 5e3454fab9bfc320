//! What may be asked without encryption where a processor in the sandbox chooses it.
//!
//! What a recipe pins vouches for the file that is published, and for nothing else: not for what a server is told, and
//! not for what servers of our own network answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Method;
use url::{Host, Url};

/// Why `url` may not be asked in this way; nothing if it may.
pub(crate) fn refusal(url: &Url, method: &Method, has_body: bool) -> Option<&'static str> {
    if has_body || !matches!(*method, Method::GET | Method::HEAD) {
        return Some("only GET and HEAD without data are sent so");
    }
    let is_ours = match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(address)) => is_near_v4(address),
        Some(Host::Ipv6(address)) => is_near_v6(address),
        None => true,
    };
    is_ours.then_some("nothing on this machine or in its network is asked so")
}

/// `localhost` and what is below it are this machine, with or without the dot of the root.
///
/// # Source
/// RFC 6761 §6.3.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

fn is_near_v4(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_link_local()
        || address.is_private()
        || address.is_unspecified()
}

fn is_near_v6(address: Ipv6Addr) -> bool {
    // An IPv4 address in the clothes of IPv6 leads to the same machine.
    match address.to_canonical() {
        IpAddr::V4(address) => is_near_v4(address),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unicast_link_local()
                || address.is_unique_local()
                || address.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(url: &str, method: &Method, has_body: bool) -> bool {
        refusal(&Url::parse(url).unwrap(), method, has_body).is_some()
    }

    #[test]
    fn only_other_networks_are_asked() {
        for near in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "127.0.0.1",
            "127.1",
            "0x7f000001",
            "0",
            "169.254.169.254",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
        ] {
            let url = format!("http://{near}:8080/x");
            assert!(is_refused(&url, &Method::GET, false), "{near}");
        }
        for far in [
            "vendor.example",
            "localhost.example",
            "172.32.0.1",
            "[2001:db8::1]",
        ] {
            let url = format!("http://{far}/x");
            assert!(!is_refused(&url, &Method::GET, false), "{far}");
        }
    }

    #[test]
    fn nothing_is_told() {
        let url = "http://vendor.example/x";
        assert!(!is_refused(url, &Method::HEAD, false));
        assert!(is_refused(url, &Method::GET, true));
        assert!(is_refused(url, &Method::POST, false));
        assert!(is_refused(url, &Method::DELETE, false));
    }
}
