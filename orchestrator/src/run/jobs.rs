//! What runs ask the worker to do later.

use serde::{Deserialize, Serialize};

use crate::id::RunId;
use crate::queue::{Job, Queue};

/// Makes the pod of an admitted turn exist and start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StartRunner {
    pub run_id: RunId,
    pub turn: i32,
    pub fence: i64,
}

impl Job for StartRunner {
    const NAME: &'static str = "run.start_runner";
    const QUEUE: Queue = Queue::Cluster;
}

/// Removes the pod of a turn that is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StopRunner {
    pub run_id: RunId,
    pub turn: i32,
    pub fence: i64,
    /// Slug of the project: the pod's namespace.
    pub project: String,
}

impl Job for StopRunner {
    const NAME: &'static str = "run.stop_runner";
    const QUEUE: Queue = Queue::Cluster;
}

/// Proves a finishing run's result at the code host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finalise {
    pub run_id: RunId,
}

impl Job for Finalise {
    const NAME: &'static str = "run.finalise";
}
