//! A genuine token, shown where or as none counts.

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
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
    let header = |name: &'static str, value: String| door.call().header(name, value);
    let bearer = format!("Bearer {token}");
    let no_text = [b"Bearer \xff", token.as_bytes()].concat();
    let no_text = HeaderValue::from_bytes(&no_text).unwrap();
    let form = "application/x-www-form-urlencoded".to_owned();
    let names = [
        "x-forwarded-user",
        "x-auth-request-user",
        "x-remote-user",
        "remote-user",
    ];
    let posing = names
        .iter()
        .fold(door.call(), |request, name| request.header(*name, "ada"));
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "principal_get", "arguments": {}, "_meta": {"authorization": bearer}},
    });
    vec![
        ("shown: not at all", door.call()),
        ("shown: as Basic", line(format!("Basic {token}"))),
        (
            "shown: as a user's password",
            door.call().basic_auth("token", Some(token)),
        ),
        ("shown: as DPoP", line(format!("DPoP {token}"))),
        ("shown: as Token", line(format!("Token {token}"))),
        ("shown: without a scheme", line(token.to_owned())),
        (
            "shown: with a tab for the blank",
            line(format!("Bearer\t{token}")),
        ),
        ("shown: with a colon", line(format!("Bearer: {token}"))),
        ("shown: in quotes", line(format!("Bearer \"{token}\""))),
        ("shown: after a comma", line(format!("Bearer x, {bearer}"))),
        ("shown: before a comma", line(format!("{bearer}, Bearer x"))),
        ("shown: with a word after it", line(format!("{bearer} x"))),
        ("shown: twice on one line", line(format!("{bearer} {token}"))),
        ("shown: an empty Bearer", line("Bearer ".into())),
        ("shown: on two lines", lines(&[&bearer, &bearer])),
        ("shown: before another line", lines(&[&bearer, "Bearer x"])),
        ("shown: after another line", lines(&["Basic eDp5", &bearer])),
        (
            "shown: with a byte that is no text",
            door.call().header("authorization", no_text),
        ),
        (
            "shown: as Proxy-Authorization",
            header("proxy-authorization", bearer.clone()),
        ),
        (
            "shown: as X-Forwarded-Authorization",
            header("x-forwarded-authorization", bearer.clone()),
        ),
        (
            "shown: as X-Access-Token",
            header("x-access-token", token.to_owned()),
        ),
        (
            "shown: as a cookie of its name",
            header("cookie", format!("access_token={token}; authorization={token}")),
        ),
        (
            "shown: in the query",
            door.call_at(&format!("/mcp?access_token={token}")),
        ),
        (
            "shown: in the query as a bearer",
            door.call_at(&format!("/mcp?authorization=Bearer%20{token}")),
        ),
        ("shown: in the path", door.call_at(&format!("/mcp/{token}"))),
        (
            "shown: in a form",
            header("content-type", form).body(format!("access_token={token}")),
        ),
        ("shown: in the message", door.call().json(&message)),
        ("shown: as names in headers of a proxy", posing),
    ]
}
