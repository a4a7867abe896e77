//! What a delivery's headers must say before its body is worth reading.

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use orchestrator::delivery::MAX_BODY_BYTES;
use orchestrator::trace::TraceParent;

use crate::answer::Refusal;

const SIGNATURE: &str = "x-hub-signature-256";
const EVENT: &str = "x-github-event";
const GUID: &str = "x-github-delivery";
const MAX_NAME_BYTES: usize = 100;

/// A delivery's headers, read.
pub(super) struct Head {
    pub(super) guid: String,
    pub(super) event: String,
    pub(super) content_type: String,
    pub(super) signature: [u8; 32],
    pub(super) traceparent: TraceParent,
}

impl Head {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let length = text(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        if length.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
            return Err(too_large());
        }
        let signature = signature(headers)?;
        let content_type = text(headers, CONTENT_TYPE.as_str())
            .unwrap_or_default()
            .to_owned();
        let kind = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if kind != "application/json" && kind != "application/x-www-form-urlencoded" {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Content-Type must be application/json (recommended) or application/x-www-form-urlencoded: choose it in \
                 the App's webhook settings",
            ));
        }
        Ok(Self {
            guid: name(headers, GUID, "X-GitHub-Delivery")?,
            event: name(headers, EVENT, "X-GitHub-Event")?,
            content_type,
            signature,
            traceparent: TraceParent::accept(text(headers, "traceparent")),
        })
    }
}

pub(super) fn too_large() -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("a delivery may have {MAX_BODY_BYTES} bytes; GitHub sends no larger ones"),
    )
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn signature(headers: &HeaderMap) -> Result<[u8; 32], Refusal> {
    let unsigned = |message| Refusal::new(StatusCode::UNAUTHORIZED, "unsigned", message);
    let value = text(headers, SIGNATURE).ok_or_else(|| {
        unsigned("X-Hub-Signature-256 is missing: set a secret in the App's webhook settings")
    })?;
    let mut digest = [0; 32];
    let read = value
        .strip_prefix("sha256=")
        .map(|hex| hex::decode_to_slice(hex, &mut digest));
    match read {
        Some(Ok(())) => Ok(digest),
        _ => Err(unsigned(
            "X-Hub-Signature-256 must be sha256= and 64 hexadecimal digits",
        )),
    }
}

fn name(headers: &HeaderMap, header: &str, shown: &str) -> Result<String, Refusal> {
    let value = text(headers, header).unwrap_or_default();
    if value.is_empty() || value.len() > MAX_NAME_BYTES {
        let message = format!("{shown} must be there, with 1 to {MAX_NAME_BYTES} characters");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "malformed", message));
    }
    Ok(value.to_owned())
}
