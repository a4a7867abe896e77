use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;

/// Deliveries kept, whatever their age.
const KEPT: usize = 5_000;
/// How long GitHub keeps a delivery.
const AGE: SignedDuration = SignedDuration::from_hours(3 * 24);

/// An event that waits to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) guid: String,
    pub(crate) event: String,
    pub(crate) repository_id: Option<u64>,
    pub(crate) installation_id: Option<u64>,
    pub(crate) payload: Value,
    pub(crate) redelivery: bool,
}

impl Outgoing {
    pub(crate) fn action(&self) -> Option<&str> {
        self.payload.get("action").and_then(Value::as_str)
    }
}

/// One attempt to deliver, as the delivery list shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    pub id: u64,
    /// The same for each attempt at one event.
    pub guid: String,
    pub event: String,
    pub action: Option<String>,
    pub installation_id: Option<u64>,
    pub repository_id: Option<u64>,
    pub delivered_at: Timestamp,
    pub redelivery: bool,
    pub duration_seconds: f64,
    /// `OK`, or what went wrong.
    pub status: String,
    /// 0 when no answer came.
    pub status_code: u16,
    pub url: String,
    /// What was sent, the signature headers included.
    pub request_headers: BTreeMap<String, String>,
    pub payload: Value,
    pub response_headers: BTreeMap<String, String>,
    pub response_body: String,
}

impl World {
    /// Keeps a delivery, and lets go of the oldest one when there are too many.
    pub(crate) fn record_delivery(&mut self, delivery: Delivery) {
        if self.deliveries.len() == KEPT {
            self.deliveries.pop_front();
        }
        self.deliveries.push_back(delivery);
        self.forget_deliveries();
    }

    /// Lets go of deliveries that GitHub would not list any more.
    pub(crate) fn forget_deliveries(&mut self) {
        let now = self.now();
        self.deliveries
            .retain(|delivery| now.duration_since(delivery.delivered_at) < AGE);
    }
}
