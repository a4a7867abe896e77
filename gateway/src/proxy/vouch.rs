//! Where a request came from, in words that mcp-server believes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use orchestrator::{Orchestrator, credential};

use crate::address::network;

/// A statement is used again for so long; the rest of its minute is for requests on their way.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// Statements kept at once.
const MAX_KEPT: usize = 4096;

/// What was said of addresses just now.
pub(super) struct Vouched {
    orchestrator: Orchestrator,
    audience: String,
    kept: Mutex<HashMap<IpAddr, (HeaderValue, Timestamp)>>,
}

impl Vouched {
    pub(super) fn new(orchestrator: Orchestrator, audience: String) -> Self {
        Self {
            orchestrator,
            audience,
            kept: Mutex::default(),
        }
    }

    /// The statement about an address; none while it cannot be signed: mcp-server then slows down the gateway as a whole.
    pub(super) async fn of(&self, address: IpAddr) -> Option<HeaderValue> {
        let (address, now) = (network(address), self.orchestrator.clock().now());
        if let Some((said, _)) = self.kept().get(&address).filter(|(_, until)| now < *until) {
            return Some(said.clone());
        }
        let said = credential::vouch(&self.orchestrator, &self.audience, address).await;
        let said = said
            .inspect_err(|error| tracing::warn!(%error, "cannot say where a request came from"))
            .ok()?;
        let said = HeaderValue::from_str(&said).ok()?;
        let mut kept = self.kept();
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, (_, until)| now < *until);
        }
        if kept.len() < MAX_KEPT {
            kept.insert(address, (said.clone(), now + KEPT));
        }
        Some(said)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, (HeaderValue, Timestamp)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
