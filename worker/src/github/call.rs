//! One request, before anybody has authenticated it.

use http::Method;
use serde_json::Value;

/// What a lost answer leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: it may be asked again.
    Read,
    /// Perhaps the change: only looking tells.
    Write,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Verb and noun; names its fault points.
    pub(super) name: &'static str,
    pub(super) method: Method,
    /// Path and query, below the API's address.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) effect: Effect,
    /// What it is about, for a person: "issue #5 of owner/name".
    pub(super) about: String,
}

impl Call {
    pub(super) fn get(name: &'static str, path: impl Into<String>, about: impl Into<String>) -> Self {
        Self {
            name,
            method: Method::GET,
            path: path.into(),
            body: None,
            effect: Effect::Read,
            about: about.into(),
        }
    }

    pub(super) fn write(
        name: &'static str,
        method: Method,
        path: impl Into<String>,
        about: impl Into<String>,
    ) -> Self {
        Self {
            method,
            effect: Effect::Write,
            ..Self::get(name, path, about)
        }
    }

    pub(super) fn with(self, body: Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }
}
