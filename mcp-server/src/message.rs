//! A first look at a JSON-RPC message: is it one, and which tool does it call.

use std::borrow::Cow;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The little of a message that decides how its caller is checked.
#[derive(Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(default)]
    jsonrpc: Value,
    #[serde(default)]
    id: Option<Value>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    /// The tool, read from `params`.
    #[serde(skip)]
    tool: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// Why a body is no message; the id is told back where there is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not JSON: -32700.
    NotJson,
    /// JSON, but no single JSON-RPC 2.0 message: -32600.
    NotAMessage(Option<Value>),
}

impl<'a> Message<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Unreadable> {
        let mut message: Self = serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                Unreadable::NotAMessage(None)
            } else {
                Unreadable::NotJson
            }
        })?;
        let id_is_fine = message
            .id
            .as_ref()
            .is_none_or(|id| id.is_string() || id.is_i64() || id.is_u64());
        if message.jsonrpc != "2.0" || !id_is_fine {
            return Err(Unreadable::NotAMessage(message.id.filter(|_| id_is_fine)));
        }
        if message.method.as_deref() == Some("tools/call") {
            let named = message
                .params
                .and_then(|params| serde_json::from_str::<Named<'a>>(params.get()).ok());
            message.tool = named.map(|named| named.name);
        }
        Ok(message)
    }

    /// The tool that is called, if the message is a call.
    pub(crate) fn tool(&self) -> Option<&str> {
        self.tool.as_deref()
    }

    /// Whether its answer is a stream that stays open.
    pub(crate) fn is_listening(&self) -> bool {
        self.method.as_deref() == Some("subscriptions/listen")
    }

    /// Whether it only opens a connection, in either era.
    pub(crate) fn is_greeting(&self) -> bool {
        let greetings = [
            "initialize",
            "notifications/initialized",
            "ping",
            "server/discover",
        ];
        self.method
            .as_deref()
            .is_some_and(|method| greetings.contains(&method))
    }
}

impl IntoResponse for Unreadable {
    fn into_response(self) -> Response {
        let (code, message, id) = match self {
            Self::NotJson => (-32700, "Parse error: the body is not JSON", None),
            Self::NotAMessage(id) => (
                -32600,
                "Invalid Request: send one JSON-RPC 2.0 message; batches are not supported",
                id,
            ),
        };
        let body = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_its_tool() {
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_finish","arguments":{}}}"#;
        assert_eq!(Message::read(body).ok().unwrap().tool(), Some("run_finish"));
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"run_finish"}}"#;
        let other = Message::read(body).ok().unwrap();
        assert_eq!((other.tool(), other.is_greeting()), (None, false));
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#;
        assert!(Message::read(body).ok().unwrap().is_greeting());
    }

    #[test]
    fn what_is_no_message_is_told_apart_from_what_is_no_json() {
        let read = |body: &str| Message::read(body.as_bytes()).err();
        for broken in ["", "{", "nonsense", "{\"jsonrpc\":\"2.0\",}"] {
            assert_eq!(read(broken), Some(Unreadable::NotJson), "{broken}");
        }
        for other in [
            "[]",
            "1",
            "{}",
            r#"{"jsonrpc":"1.0"}"#,
            r#"{"jsonrpc":"2.0","id":{}}"#,
        ] {
            assert_eq!(read(other), Some(Unreadable::NotAMessage(None)), "{other}");
        }
        assert_eq!(
            read(r#"{"jsonrpc":"1.0","id":7}"#),
            Some(Unreadable::NotAMessage(Some(json!(7))))
        );
    }
}
