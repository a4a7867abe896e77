use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Problem;
use crate::auth::Caller;
use crate::sim::Inner;
use crate::view::View;
use crate::world::World;

/// A request that got past the door: who asks, for what, about which repository.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) sim: Arc<Inner>,
    /// The world the call sees: in a stale read, one of the past.
    pub(crate) seen: Arc<Mutex<World>>,
    pub(crate) caller: Caller,
    pub(crate) params: BTreeMap<&'static str, String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) headers: http::HeaderMap,
    /// Where the asker finds the API: with or without `/api/v3`.
    pub(crate) api: String,
    /// Path without that prefix, as it was asked.
    pub(crate) path: String,
    /// The repository of the path, or 0 for an operation that has none.
    pub(crate) repository: u64,
}

impl Call {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view<'a>(&'a self, world: &'a World) -> View<'a> {
        View {
            world,
            api: &self.api,
        }
    }

    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// Returns a number of the path; GitHub has nothing at a path where it is none.
    pub(crate) fn number(&self, name: &str) -> Result<u64, Problem> {
        self.param(name).parse().map_err(|_| Problem::not_found())
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Reads the body; the first field that does not fit is named in the refusal.
    pub(crate) fn input<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let body = if self.body.is_null() {
            Value::Object(serde_json::Map::new())
        } else {
            self.body.clone()
        };
        serde_json::from_value(body)
            .map_err(|error| Problem::unprocessable(format!("Invalid request.\n\n{error}")))
    }

    /// Returns who acts; operations that need somebody are not reached by anyone else.
    pub(crate) fn actor(&self) -> u64 {
        self.caller.account_id()
    }

    /// Says whether the asker wants this media type, `diff` for example.
    pub(crate) fn accepts(&self, kind: &str) -> bool {
        let accept = self
            .headers
            .get("accept")
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        accept.contains(&format!("application/vnd.github.{kind}"))
            || accept.contains(&format!("application/vnd.github.v3.{kind}"))
    }
}
