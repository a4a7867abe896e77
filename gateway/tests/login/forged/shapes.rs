//! A genuine token, shown where or as none counts.

use reqwest::RequestBuilder;
use serde_json::json;

use super::Door;

/// The ways of showing it, each a request of its own.
pub(super) fn shapes(door: &Door<'_>) -> Vec<(&'static str, RequestBuilder)> {
    let token = door.token;
    let lines = |values: &[&str]| {
        values.iter().fold(door.call(), |request, value| {
            request.header("authorization", *value)
        })
    };
    let line = |value: String| lines(&[&value]);
    vec![
        ("shown: not at all", door.call()),
        ("shown: as Basic", line(format!("Basic {token}"))),
        ("shown: as a user's password", door.call().basic_auth("token", Some(token))),
        ("shown: as DPoP", line(format!("DPoP {token}"))),
        ("shown: as Token", line(format!("Token {token}"))),
        ("shown: without a scheme", line(token.to_owned())),
        ("shown: with a tab for the blank", line(format!("Bearer\t{token}"))),
        ("shown: with a colon", line(format!("Bearer: {token}"))),
        ("shown: in quotes", line(format!("Bearer \"{token}\""))),
        ("shown: after a comma", line(format!("Bearer x, Bearer {token}"))),
        ("shown: before a comma", line(format!("Bearer {token}, Bearer x"))),
        ("shown: with a word after it", line(format!("Bearer {token} x"))),
        ("shown: twice on one line", line(format!("Bearer {token} {token}"))),
        ("shown: an empty Bearer", line("Bearer ".into())),
        ("shown: on two lines", lines(&[&format!("Bearer {token}"), &format!("Bearer {token}")])),
        ("shown: before another line", lines(&[&format!("Bearer {token}"), "Bearer x"])),
        ("shown: after another line", lines(&["Basic eDp5", &format!("Bearer {token}")])),
        ("shown: with a byte that is no text", {
            let value = [b"Bearer \xff", token.as_bytes()].concat();
            door.call().header("authorization", reqwest::header::HeaderValue::from_bytes(&value).unwrap())
        }),
        ("shown: as Proxy-Authorization", door.call().header("proxy-authorization", format!("Bearer {token}"))),
        ("shown: as X-Forwarded-Authorization", door.call().header("x-forwarded-authorization", format!("Bearer {token}"))),
        ("shown: as X-Access-Token", door.call().header("x-access-token", token)),
        ("shown: as a cookie of its name", door.call().header("cookie", format!("access_token={token}; authorization={token}"))),
        ("shown: in the query", door.call_at(&format!("/mcp?access_token={token}"))),
        ("shown: in the query as a bearer", door.call_at(&format!("/mcp?authorization=Bearer%20{token}"))),
        ("shown: in the path", door.call_at(&format!("/mcp/{token}"))),
        ("shown: in a form", door.call().header("content-type", "application/x-www-form-urlencoded").body(format!("access_token={token}"))),
        ("shown: in the message", door.call().json(&json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "principal_get", "arguments": {}, "_meta": {"authorization": format!("Bearer {token}")}},
        }))),
        ("shown: names of people in headers of a proxy", ["x-forwarded-user", "x-auth-request-user", "x-remote-user", "remote-user"]
            .iter()
            .fold(door.call(), |request, name| request.header(*name, "ada"))),
    ]
}
