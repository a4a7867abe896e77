//! What port calls ask the worker to do.

use serde::{Deserialize, Serialize};

use crate::id::PortCallId;
use crate::queue::{Job, Queue};

/// Asks the world what a tool wants to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnswerPortCall {
    pub port_call_id: PortCallId,
}

impl Job for AnswerPortCall {
    const NAME: &'static str = "port_call.answer";
    const QUEUE: Queue = Queue::Live;
    // The tool waits ten seconds: an answer after that helps nobody.
    const MAX_ATTEMPTS: i32 = 3;
}
