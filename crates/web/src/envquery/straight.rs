//! Whether a request came straight from the client: not through a proxy that could have read it.
//!
//! # Source
//! RFC 9110 §7.6.3 (Via), RFC 9112 §3.2 (forms of targets), RFC 7239 (Forwarded); `X-Forwarded-*` and `Proxy-*` are
//! customs.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, header},
};

/// Where a request comes from: the client's public address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Origin(pub(super) IpAddr);

/// Why a request did not come straight.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Crooked {
    Header(HeaderName),
    Host,
    Target,
    Way,
}

impl fmt::Display for Crooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "it has a header `{name}`"),
            Self::Host => f.write_str("it is for another host"),
            Self::Target => f.write_str("its target is written as for a proxy"),
            Self::Way => f.write_str("it went another way than through one load balancer"),
        }
    }
}

/// Load balancers, whose forwarding headers are believed: networks as `10.0.0.0/8`, or single addresses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LoadBalancers(Vec<Network>);

impl LoadBalancers {
    /// Those in `networks`.
    ///
    /// # Errors
    /// If one is none.
    pub fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownNetwork> {
        networks
            .into_iter()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }
}

/// A text that is neither an address nor a network.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{given}` is neither an address nor a network")]
pub struct UnknownNetwork {
    /// The text.
    pub given: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    address: u128,
    mask: u128,
}

impl Network {
    fn has(self, address: IpAddr) -> bool {
        wide(address) & self.mask == self.address & self.mask
    }
}

/// As an IPv6 address, in which those of IPv4 have a place of their own.
fn wide(address: IpAddr) -> u128 {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Ipv6Addr::into(address)
}

impl FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Self, UnknownNetwork> {
        let unknown = || UnknownNetwork {
            given: text.escape_debug().to_string(),
        };
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok().ok_or_else(unknown)?;
        let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
        let len = match len {
            Some(len) => len.parse::<u32>().ok().filter(|len| *len <= bits),
            None => Some(bits),
        };
        let hosts = bits.saturating_sub(len.ok_or_else(unknown)?);
        let mask = u128::MAX.checked_shl(hosts).unwrap_or(0);
        Ok(Self {
            address: wide(address),
            mask,
        })
    }
}

/// Where a request comes from, if it came straight, or through one of `load_balancers`.
///
/// # Errors
/// By what can be seen that it did not.
pub(super) fn origin(
    request: &Request,
    peer: IpAddr,
    host: &str,
    load_balancers: &LoadBalancers,
) -> Result<Origin, Crooked> {
    let uri = request.uri();
    if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
        return Err(Crooked::Target);
    }
    let headers = request.headers();
    if !is_for(headers, host) {
        return Err(Crooked::Host);
    }
    let is_balanced = load_balancers.has(peer);
    for name in headers.keys() {
        let is_forwarding = name == header::FORWARDED || name.as_str().starts_with("x-forwarded");
        // Who decrypts on the way leaves `Via`, and a load balancer would only pass it on.
        let is_proxy = name == header::VIA || name.as_str().starts_with("proxy-");
        if is_proxy || (is_forwarding && !is_balanced) {
            return Err(Crooked::Header(name.clone()));
        }
    }
    if !is_balanced {
        return Ok(Origin(peer.to_canonical()));
    }
    let way = way(headers).ok_or(Crooked::Way)?;
    let (client, passed) = way.split_first().ok_or(Crooked::Way)?;
    // Whoever stands between the first and us must be one of our own.
    if passed.iter().all(|address| load_balancers.has(*address)) {
        Ok(Origin(client.to_canonical()))
    } else {
        Err(Crooked::Way)
    }
}

/// Whether the request names `host`, once.
fn is_for(headers: &HeaderMap, host: &str) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let named = hosts.next().and_then(|named| named.to_str().ok());
    let is_same = named.is_some_and(|named| {
        let named = named.strip_suffix(":443").unwrap_or(named);
        named.eq_ignore_ascii_case(host)
    });
    is_same && hosts.next().is_none()
}

/// The addresses that a request went by, as `X-Forwarded-For` or else `Forwarded` tell, the client first.
fn way(headers: &HeaderMap) -> Option<Vec<IpAddr>> {
    let list = |name: HeaderName| -> Option<Vec<String>> {
        let mut entries = Vec::new();
        for value in headers.get_all(name) {
            entries.extend(value.to_str().ok()?.split(',').map(str::to_owned));
        }
        Some(entries)
    };
    let customary = list(HeaderName::from_static("x-forwarded-for"))?;
    if customary.is_empty() {
        let entries = list(header::FORWARDED)?;
        entries.iter().map(|entry| forwarded(entry)).collect()
    } else {
        customary.iter().map(|entry| address(entry)).collect()
    }
}

/// The address in `for=192.0.2.60;proto=https`.
fn forwarded(entry: &str) -> Option<IpAddr> {
    let value = entry.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    address(value.trim_matches('"'))
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let with_port = || text.parse::<std::net::SocketAddr>().map(|it| it.ip()).ok();
    bare.unwrap_or(text).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const HOST: &str = "envquery.example.com";

    fn asked(target: &str, headers: &[(&str, &str)], peer: &str) -> Result<String, Crooked> {
        let mut request = Request::post(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let balancers = LoadBalancers::parse(["10.0.0.0/8", "2001:db8::1"]).unwrap();
        let peer = peer.parse().unwrap();
        origin(&request, peer, HOST, &balancers).map(|origin| origin.0.to_string())
    }

    fn with(name: &str, value: &str, peer: &str) -> Result<String, Crooked> {
        asked("/v1/repository", &[("host", HOST), (name, value)], peer)
    }

    #[test]
    fn what_comes_straight_is_let_through() {
        let come = with("accept", "*/*", "192.0.2.1");
        assert_eq!(come.unwrap(), "192.0.2.1");
        let come = with("accept", "*/*", "::ffff:192.0.2.1");
        assert_eq!(come.unwrap(), "192.0.2.1");
        for host in ["envquery.example.com:443", "EnvQuery.Example.COM"] {
            asked("/v1/repository", &[("host", host)], "192.0.2.1").unwrap();
        }
    }

    #[test]
    fn what_a_proxy_has_touched_is_not() {
        for (name, value) in [
            ("via", "1.1 proxy"),
            ("forwarded", "for=10.1.1.1"),
            ("x-forwarded-for", "10.1.1.1"),
            ("x-forwarded-host", HOST),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-server", "a"),
            ("x-forwarded", "yes"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic eDp5"),
        ] {
            let crooked = with(name, value, "192.0.2.1").unwrap_err();
            assert_eq!(crooked, Crooked::Header(HeaderName::from_static(name)));
        }
        let absolute = format!("https://{HOST}/v1/repository");
        let crooked = asked(&absolute, &[("host", HOST)], "192.0.2.1");
        assert_eq!(crooked.unwrap_err(), Crooked::Target);
    }

    #[test]
    fn what_is_for_another_host_is_not() {
        let wrong: [&[(&str, &str)]; 6] = [
            &[],
            &[("host", "")],
            &[("host", "192.0.2.9")],
            &[("host", "envquery.example.com.evil.example")],
            &[("host", "envquery.example.com:8443")],
            &[("host", HOST), ("host", HOST)],
        ];
        for headers in wrong {
            let crooked = asked("/v1/repository", headers, "192.0.2.1");
            assert_eq!(crooked.unwrap_err(), Crooked::Host, "{headers:?}");
        }
    }

    #[test]
    fn a_listed_load_balancer_tells_where_a_request_comes_from() {
        for (name, value, expected) in [
            ("x-forwarded-for", "192.0.2.1", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.1, 10.2.2.2", "192.0.2.1"),
            ("x-forwarded-for", "192.0.2.1:4711", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1;proto=https", "192.0.2.1"),
            ("forwarded", "For=\"[2001:db8::9]:4711\"", "2001:db8::9"),
        ] {
            let come = with(name, value, "10.1.1.1");
            assert_eq!(come.unwrap(), expected, "{value}");
        }
        for (name, value) in [
            ("accept", "*/*"),
            // A proxy on the client's side has added the first one.
            ("x-forwarded-for", "10.9.9.9, 192.0.2.1"),
            ("x-forwarded-for", "192.168.1.1, 192.0.2.1"),
            ("x-forwarded-for", "unknown"),
            ("forwarded", "for=_hidden"),
        ] {
            let come = with(name, value, "10.1.1.1");
            assert_eq!(come.unwrap_err(), Crooked::Way, "{value}");
        }
        with("via", "1.1 proxy", "10.1.1.1").unwrap_err();
        with("proxy-connection", "close", "10.1.1.1").unwrap_err();
    }

    #[test]
    fn networks_are_told_from_anything_else() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "::/129",
            "a/8",
            "10.0.0.0/8/8",
        ] {
            LoadBalancers::parse([text]).unwrap_err();
        }
        let everybody = LoadBalancers::parse(["0.0.0.0/0"]).unwrap();
        assert!(everybody.has("192.0.2.1".parse().unwrap()));
        assert!(!everybody.has("2001:db8::1".parse().unwrap()));
        let everybody = LoadBalancers::parse(["::/0"]).unwrap();
        assert!(everybody.has("192.0.2.1".parse().unwrap()));
    }
}
