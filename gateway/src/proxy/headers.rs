//! Which headers go on, and which come back.

use std::net::IpAddr;

use axum::http::header::{
    CONNECTION, COOKIE, FORWARDED, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue};

use crate::login::cookies::CSRF_HEADER;
use crate::site::Site;

/// What is between two neighbours only (RFC 9110, section 7.6.1).
const OF_ONE_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// In which mcp-server is told where a request came from.
pub(super) const VOUCHED: HeaderName = HeaderName::from_static("x-codex-client-address");
/// What browsers send to us alone, and what clients could say about their own address.
const FOR_US: [HeaderName; 6] = [
    COOKIE,
    FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static(CSRF_HEADER),
    HeaderName::from_static("expect"),
    VOUCHED,
];

/// The headers of a request as mcp-server gets it.
pub(super) fn onward(headers: &HeaderMap, site: &Site, client: IpAddr) -> HeaderMap {
    let mut onward = end_to_end(headers);
    for name in FOR_US {
        onward.remove(name);
    }
    let claimed: Vec<_> = onward
        .keys()
        .filter(|name| name.as_str().starts_with("x-forwarded-"))
        .cloned()
        .collect();
    for name in claimed {
        onward.remove(name);
    }
    // The public name, whatever the client called us: by it mcp-server knows which address it is asked under.
    for (name, value) in [
        (HOST, site.authority()),
        (HeaderName::from_static("x-forwarded-host"), site.authority()),
        (HeaderName::from_static("x-forwarded-proto"), site.scheme()),
        (HeaderName::from_static("x-forwarded-for"), &client.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            onward.insert(name, value);
        }
    }
    onward
}

/// The headers of an answer as the client gets it.
pub(super) fn back(headers: &HeaderMap) -> HeaderMap {
    let mut back = end_to_end(headers);
    // Cookies of this host are ours to set.
    back.remove(SET_COOKIE);
    back
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<_> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    let mut kept = headers.clone();
    for name in OF_ONE_HOP.iter().chain(&named) {
        kept.remove(name);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&str, &str)| {
            (
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn what_is_for_us_or_for_one_hop_goes_no_further() {
        let site = Site::new("https://codex-k8s.example".parse().unwrap()).unwrap();
        let sent = headers(&[
            ("host", "evil.example"),
            ("authorization", "Bearer x"),
            ("cookie", "__Host-session=secret"),
            ("x-csrf-token", "t"),
            ("connection", "close, x-mine"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("forwarded", "for=1.1.1.1"),
            ("x-real-ip", "1.1.1.1"),
            ("x-codex-client-address", "1.1.1.1;1;k;s"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-prefix", "/evil"),
            ("mcp-method", "tools/call"),
            ("origin", "https://codex-k8s.example"),
            ("traceparent", "00-1-1-01"),
        ]);
        let expected = headers(&[
            ("authorization", "Bearer x"),
            ("host", "codex-k8s.example"),
            ("mcp-method", "tools/call"),
            ("origin", "https://codex-k8s.example"),
            ("traceparent", "00-1-1-01"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-host", "codex-k8s.example"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(onward(&sent, &site, "203.0.113.9".parse().unwrap()), expected);
    }

    #[test]
    fn an_answer_sets_no_cookie() {
        let answered = headers(&[
            ("set-cookie", "a=b"),
            ("connection", "close"),
            ("www-authenticate", "Bearer"),
            ("content-type", "text/event-stream"),
        ]);
        let expected = headers(&[
            ("www-authenticate", "Bearer"),
            ("content-type", "text/event-stream"),
        ]);
        assert_eq!(back(&answered), expected);
    }
}
