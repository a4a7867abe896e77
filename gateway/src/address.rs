//! Whose address a request came from.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address: the peer's, or what a proxy that we trust says of its own peer.
///
/// The header is read from its end, where the nearest proxy wrote; the first address that is not a trusted proxy's is the
/// client's. Whatever stands before it, the client may have made up.
pub(crate) fn client(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut current = peer.ip().to_canonical();
    let values: Vec<_> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut told = values.iter().rev();
    while trusted.iter().any(|net| net.contains(&current)) {
        match told.next().map(|text| parse(text)) {
            Some(Some(address)) => current = address,
            // The proxy says nothing, or nothing that is an address.
            Some(None) | None => break,
        }
    }
    current
}

/// What one client has of addresses: one of IPv4, 2^64 of IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn parse(text: &str) -> Option<IpAddr> {
    text.trim()
        .parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2001:db8::1", "2001:db8::")]
    #[case("2001:db8::ffff:1:2:3", "2001:db8::")]
    #[case("2001:db8:0:1::1", "2001:db8:0:1::")]
    #[case("::ffff:192.0.2.1", "192.0.2.1")]
    #[case("192.0.2.1", "192.0.2.1")]
    fn a_client_has_a_network(#[case] address: IpAddr, #[case] expected: IpAddr) {
        assert_eq!(network(address), expected);
    }

    #[rstest]
    // Nobody is trusted: the peer it is.
    #[case("198.51.100.1", &["203.0.113.9"], &[], "198.51.100.1")]
    #[case("198.51.100.1", &["203.0.113.9"], &["10.0.0.0/8"], "198.51.100.1")]
    #[case("10.0.0.1", &[], &["10.0.0.0/8"], "10.0.0.1")]
    #[case("10.0.0.1", &["203.0.113.9"], &["10.0.0.0/8"], "203.0.113.9")]
    // What the client sent before the proxy's own word.
    #[case("10.0.0.1", &["1.1.1.1, 203.0.113.9"], &["10.0.0.0/8"], "203.0.113.9")]
    #[case("10.0.0.1", &["1.1.1.1", "203.0.113.9"], &["10.0.0.0/8"], "203.0.113.9")]
    // Two proxies.
    #[case("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"], &["10.0.0.0/8"], "203.0.113.9")]
    #[case("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &["10.0.0.0/8"], "10.0.0.3")]
    #[case("10.0.0.1", &["203.0.113.9, nonsense"], &["10.0.0.0/8"], "10.0.0.1")]
    #[case("10.0.0.1", &[""], &["10.0.0.0/8"], "10.0.0.1")]
    #[case("::ffff:10.0.0.1", &["2001:db8::1"], &["10.0.0.0/8"], "2001:db8::1")]
    #[case("fd00::1", &["203.0.113.9"], &["fd00::/8"], "203.0.113.9")]
    fn only_trusted_proxies_are_believed(
        #[case] peer: IpAddr,
        #[case] told: &[&str],
        #[case] trusted: &[&str],
        #[case] expected: IpAddr,
    ) {
        let mut headers = HeaderMap::new();
        for value in told {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        assert_eq!(client(SocketAddr::new(peer, 1), &headers, &trusted), expected);
    }
}
