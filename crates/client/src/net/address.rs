//! This Mac's address in its network, found without a packet being sent.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use url::{Host, Url};

/// Addresses set aside for documentation (RFC 5737, RFC 3849): whoever has a way to them has a way out.
const ELSEWHERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// Where the local address comes from.
pub trait Network: fmt::Debug {
    /// The address that a connection to `url` would come from; none when offline.
    fn local_address(&self, url: &Url) -> Option<IpAddr>;
}

/// The machine's own network.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalNetwork;

impl Network for LocalNetwork {
    fn local_address(&self, url: &Url) -> Option<IpAddr> {
        // A name is not looked up: that takes a network, and its failure is not to be silent.
        match url.host()? {
            Host::Ipv4(address) => source_for(address.into()),
            Host::Ipv6(address) => source_for(address.into()),
            Host::Domain("localhost") => source_for(Ipv4Addr::LOCALHOST.into()),
            Host::Domain(_) => ELSEWHERE.into_iter().find_map(source_for),
        }
    }
}

/// The address of this machine on the way to `target`. Connecting a UDP socket chooses a way and sends nothing.
fn source_for(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(target, 443)).ok()?;
    let local = socket.local_addr().ok()?.ip();
    (!local.is_unspecified()).then_some(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_way_to_this_machine_itself() {
        let url = Url::parse("https://127.0.0.1:8443/").unwrap();
        let address = LocalNetwork.local_address(&url);
        assert_eq!(address, Some(Ipv4Addr::LOCALHOST.into()));
    }
}
