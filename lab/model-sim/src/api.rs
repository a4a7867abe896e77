//! What the simulator needs of an API, whichever it is.

use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::script::ModelScript;

/// A request of one API, as far as the script needs it.
pub(crate) trait Asked: DeserializeOwned + Send {
    const PATH: &'static str;

    /// The key that a request shows.
    fn key(headers: &HeaderMap) -> Option<&str>;

    fn model(&self) -> &str;

    fn stream(&self) -> bool;

    /// Results of tools in the conversation, oldest first.
    fn results(&self) -> Vec<&Value>;

    /// Names of the tools offered.
    fn tools(&self) -> Vec<&str>;

    /// The whole answer, by the script. A tool that is not offered is said aloud, not passed over.
    fn answer(&self, script: &ModelScript) -> Value;

    /// The same as a stream, in the order a client needs.
    fn events(answer: &Value) -> Vec<String>;
}

/// An event of a stream, under the name that it bears.
pub(crate) fn event(event: &Value) -> String {
    let name = event["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {event}\n\n")
}

pub(crate) fn id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::new_v4().simple())
}
