use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};

use super::Reply;

/// Adds the `etag` of a good read, and empties the answer when the asker has that version already.
pub(super) fn apply(reply: &mut Reply, asked: &HeaderMap) {
    let bytes = match (&reply.body, &reply.raw) {
        (Some(body), _) => body.to_string().into_bytes(),
        (None, Some((_, bytes))) => bytes.clone(),
        (None, None) => return,
    };
    let tag = format!("W/\"{}\"", hex::encode(Sha256::digest(bytes)));
    let known = asked
        .get("if-none-match")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    if known
        .split(',')
        .any(|candidate| strong(candidate) == strong(&tag))
    {
        reply.status = StatusCode::NOT_MODIFIED;
        reply.body = None;
        reply.raw = None;
    }
    reply.set("etag", &tag);
    reply.set("cache-control", "private, max-age=60, s-maxage=60");
}

/// The comparison of `if-none-match` is weak (RFC 9110, 13.1.2): the prefix does not matter.
fn strong(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}
