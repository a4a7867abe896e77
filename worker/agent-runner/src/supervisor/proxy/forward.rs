//! What both proxies do with a request: check its path, choose its headers, send it on.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, ORIGIN,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, StatusCode};
use serde_json::json;
use subtle::ConstantTimeEq;

/// Silence of an upstream after which it counts as gone. Long polls and thinking models are quiet for a while.
const SILENCE: Duration = Duration::from_mins(5);

/// The body of a request must arrive within this time: it comes over the loopback.
const BODY: Duration = Duration::from_secs(10);

/// Headers of one connection (RFC 9110, 7.6.1), and what is ours to say.
const NOT_SENT_ON: [HeaderName; 15] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HOST,
    AUTHORIZATION,
    COOKIE,
    CONTENT_LENGTH,
    EXPECT,
    // No browser is behind this; one that is named would only be refused.
    ORIGIN,
    // The answer is read here, so it must come as it is.
    ACCEPT_ENCODING,
];

/// A client that follows no redirect: a credential goes where it was meant for.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(SILENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

/// Returns what of `path` follows `/<word>/`, if the word is the right one.
pub(super) fn below<'a>(path: &'a str, word: &str) -> Option<&'a str> {
    let (shown, rest) = path.strip_prefix('/')?.split_once('/')?;
    bool::from(shown.as_bytes().ct_eq(word.as_bytes())).then_some(rest)
}

/// Reads the body of a request, bounded in size and time.
pub(super) async fn whole(body: Body, max_bytes: usize) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(BODY, to_bytes(body, max_bytes)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            let text = format!("a request may have {max_bytes} bytes");
            Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text))
        }
        Err(_) => {
            let text = format!("the request did not arrive in {} s", BODY.as_secs());
            Err(refusal(StatusCode::REQUEST_TIMEOUT, "too_slow", text))
        }
    }
}

/// The headers of a request that go upstream.
pub(super) fn request_headers(from: &HeaderMap) -> HeaderMap {
    chosen(from, |name| {
        // `openai-organization` and `openai-project` would say who pays.
        let payer = name.as_str().starts_with("openai-");
        NOT_SENT_ON.contains(name) || payer || name == "x-api-key" || name == "forwarded"
    })
}

/// The headers of an answer that go back.
pub(super) fn response_headers(from: &HeaderMap) -> HeaderMap {
    // A challenge would make a CLI look for a login that is not its business.
    chosen(from, |name| {
        NOT_SENT_ON.contains(name) || name == SET_COOKIE || name == WWW_AUTHENTICATE
    })
}

fn chosen(from: &HeaderMap, dropped: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let named: Vec<&str> = from
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    from.iter()
        .filter(|(name, _)| !dropped(name) && !named.iter().any(|other| name == other))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A refusal of the proxy itself, in the shape the model's clients know and any other can read.
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

pub(super) fn refusal(status: StatusCode, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        status,
        code,
        message: message.into(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self {
            status,
            code,
            message,
        } = self;
        let error = json!({ "type": "error", "error": { "type": code, "code": code, "message": message } });
        (status, Json(error)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_right_word_opens_the_path() {
        assert_eq!(below("/word/mcp", "word"), Some("mcp"));
        assert_eq!(below("/word/v1/responses", "word"), Some("v1/responses"));
        for path in [
            "/wrong/mcp",
            "/mcp",
            "/word",
            "//mcp",
            "/",
            "",
            "/wor/mcp",
            "/wordy/mcp",
        ] {
            assert_eq!(below(path, "word"), None, "{path}");
        }
    }

    #[test]
    fn headers_of_the_connection_and_credentials_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer stolen"),
            ("x-api-key", "stolen"),
            ("cookie", "a=b"),
            ("openai-organization", "another"),
            ("openai-project", "another"),
            ("origin", "https://elsewhere.example"),
            ("connection", "keep-alive, x-private"),
            ("x-private", "1"),
            ("mcp-protocol-version", "2025-11-25"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let sent: Vec<_> = request_headers(&headers)
            .keys()
            .map(ToString::to_string)
            .collect();
        assert_eq!(sent, ["mcp-protocol-version"]);
    }
}
