//! Checks bodies against the committed slice of GitHub's OpenAPI, on a thread of its own so that nobody waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jsonschema::Validator;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::log::{ContractError, Log};

const SLICE: &str = include_str!("../contract/github-openapi-slice.json");
/// Bodies that may wait for their check; a sender then waits too.
const QUEUE: usize = 1_024;
/// Errors told of one body.
const MAX_ERRORS: usize = 5;

/// Which of an operation's bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Request,
    Response(u16),
}

struct Body {
    operation: String,
    side: Side,
    value: Value,
    request_id: String,
}

/// The checker's front: takes bodies, counts those still unchecked.
pub(crate) struct Contract {
    queue: mpsc::Sender<Body>,
    pending: Arc<AtomicU64>,
}

impl Contract {
    /// Starts the checker; it ends when this is dropped.
    pub(crate) fn start(log: Arc<Mutex<Log>>) -> Result<Self> {
        let slice: Value = serde_json::from_str(SLICE).context("reading the contract slice")?;
        let (queue, mut bodies) = mpsc::channel::<Body>(QUEUE);
        let pending = Arc::new(AtomicU64::new(0));
        let left = pending.clone();
        let work = move || {
            let mut checker = Checker {
                slice,
                compiled: HashMap::new(),
            };
            while let Some(body) = bodies.blocking_recv() {
                for error in checker.check(&body) {
                    log.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .contract_error(error);
                }
                left.fetch_sub(1, Ordering::AcqRel);
            }
        };
        std::thread::Builder::new()
            .name("github-contract".to_owned())
            .spawn(work)
            .context("starting the checker")?;
        Ok(Self { queue, pending })
    }

    pub(crate) async fn check(&self, operation: &str, side: Side, body: &Value, request_id: &str) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        let body = Body {
            operation: operation.to_owned(),
            side,
            value: body.clone(),
            request_id: request_id.to_owned(),
        };
        if self.queue.send(body).await.is_err() {
            self.pending.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Waits until every body taken so far is checked.
    pub(crate) async fn settle(&self) -> Result<()> {
        for _ in 0..6_000 {
            if self.pending.load(Ordering::Acquire) == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ensure!(
            self.pending.load(Ordering::Acquire) == 0,
            "the contract checker is a minute behind"
        );
        Ok(())
    }
}

struct Checker {
    slice: Value,
    compiled: HashMap<(String, Side), Option<Validator>>,
}

impl Checker {
    fn check(&mut self, body: &Body) -> Vec<ContractError> {
        let key = (body.operation.clone(), body.side);
        let slice = &self.slice;
        let validator = self
            .compiled
            .entry(key)
            .or_insert_with(|| compile(slice, &body.operation, body.side));
        let Some(validator) = validator else {
            return Vec::new();
        };
        let side = match body.side {
            Side::Request => "request".to_owned(),
            Side::Response(status) => format!("response {status}"),
        };
        let error = |error: jsonschema::ValidationError<'_>| ContractError {
            request_id: body.request_id.clone(),
            operation: body.operation.clone(),
            side: side.clone(),
            pointer: error.instance_path().to_string(),
            message: error.to_string().chars().take(400).collect(),
        };
        validator
            .iter_errors(&body.value)
            .take(MAX_ERRORS)
            .map(error)
            .collect()
    }
}

/// Makes the validator of one body; `None` where GitHub describes none.
fn compile(slice: &Value, operation: &str, side: Side) -> Option<Validator> {
    let described = &slice["operations"][operation];
    let mut schema = match side {
        Side::Request => described["request"].clone(),
        Side::Response(status) => {
            let exact = &described["responses"][status.to_string()];
            // Errors that GitHub does not list for an operation have the basic form all the same.
            if exact.is_null() && status >= 400 {
                slice["schemas"]["basic-error"].clone()
            } else {
                exact.clone()
            }
        }
    };
    // References point into the slice: `#/schemas/...`.
    schema
        .as_object_mut()?
        .insert("schemas".to_owned(), slice["schemas"].clone());
    let built = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .build(&schema);
    built
        .inspect_err(|error| tracing::error!(%error, operation, "a schema of the slice does not compile"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_of_the_slice_compiles() {
        let slice: Value = serde_json::from_str(SLICE).expect("the slice is JSON");
        let operations = slice["operations"].as_object().expect("the slice has operations");
        for (name, operation) in operations {
            if !operation["request"].is_null() {
                assert!(compile(&slice, name, Side::Request).is_some(), "{name}");
            }
            let statuses = operation["responses"].as_object().expect("responses");
            for (status, schema) in statuses.iter().filter(|(_, schema)| !schema.is_null()) {
                let status = status.parse().expect("a status");
                assert!(
                    compile(&slice, name, Side::Response(status)).is_some(),
                    "{name} {status} {schema}"
                );
            }
        }
    }

    #[test]
    fn every_route_is_in_the_slice_and_every_operation_has_a_route() {
        let slice: Value = serde_json::from_str(SLICE).expect("the slice is JSON");
        let described = slice["operations"]
            .as_object()
            .expect("the slice has operations")
            .keys()
            .cloned();
        let served = crate::api::routes()
            .iter()
            .map(crate::http::Route::operation)
            .collect();
        assert_eq!(described.collect::<std::collections::BTreeSet<_>>(), served);
    }

    #[test]
    fn a_wrong_body_is_told() {
        let slice: Value = serde_json::from_str(SLICE).expect("the slice is JSON");
        let mut checker = Checker {
            slice,
            compiled: HashMap::new(),
        };
        let body = Body {
            operation: "POST /repos/{owner}/{repo}/issues".to_owned(),
            side: Side::Request,
            value: serde_json::json!({"body": "no title"}),
            request_id: "1".to_owned(),
        };
        let errors = checker.check(&body);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].side, "request");
    }
}
