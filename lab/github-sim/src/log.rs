//! What the simulator saw: bounded rings that tests and scripts read.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::fault::Effect;

/// Entries kept of each kind.
const KEPT: usize = 5_000;

/// One API or git request. Credentials are never part of it.
#[derive(Debug, Clone, Serialize)]
pub struct RequestEntry {
    pub at: Timestamp,
    pub request_id: String,
    pub method: String,
    pub path: String,
    pub query: String,
    pub status: u16,
    /// `app`, `installation:<id>` with the repositories of a narrowed token, `person:<id>` or `nobody`.
    pub caller: String,
    /// The operation's name in the contract, when there is one.
    pub operation: Option<String>,
    pub api_version: Option<String>,
    pub user_agent: Option<String>,
    /// The JSON body, null for none.
    pub body: Value,
    pub fault: Option<Effect>,
    pub duration_ms: u64,
}

impl RequestEntry {
    pub(crate) fn at(at: Timestamp) -> Self {
        Self {
            at,
            request_id: String::new(),
            method: String::new(),
            path: String::new(),
            query: String::new(),
            status: 0,
            caller: String::new(),
            operation: None,
            api_version: None,
            user_agent: None,
            body: Value::Null,
            fault: None,
            duration_ms: 0,
        }
    }
}

/// A body that breaks GitHub's own description.
#[derive(Debug, Clone, Serialize)]
pub struct ContractError {
    pub request_id: String,
    pub operation: String,
    /// `request`, or `response` with its status.
    pub side: String,
    /// Where in the body, as a JSON pointer.
    pub pointer: String,
    pub message: String,
}

/// Everything kept, oldest first, and how many there were in all.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Log {
    pub requests: VecDeque<RequestEntry>,
    pub contract_errors: VecDeque<ContractError>,
    pub requests_total: u64,
    pub contract_errors_total: u64,
}

impl Log {
    pub(crate) fn request(&mut self, entry: RequestEntry) {
        self.requests_total += 1;
        push(&mut self.requests, entry);
    }

    pub(crate) fn contract_error(&mut self, error: ContractError) {
        tracing::warn!(?error, "a body breaks GitHub's contract");
        self.contract_errors_total += 1;
        push(&mut self.contract_errors, error);
    }

    /// Counts requests of one method whose path ends so.
    pub fn count(&self, method: &str, path_end: &str) -> usize {
        self.requests
            .iter()
            .filter(|entry| entry.method == method && entry.path.ends_with(path_end))
            .count()
    }
}

fn push<T>(ring: &mut VecDeque<T>, entry: T) {
    if ring.len() == KEPT {
        ring.pop_front();
    }
    ring.push_back(entry);
}
