//! What the fixtures share between requests.

use std::sync::Arc;

use rmcp::model::{ErrorData, RequestStateCodec};
use rmcp::task_manager::TaskManager;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Changes that a slow listener may be behind.
const CHANGES: usize = 16;

/// Which list was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Tools,
    Prompts,
}

#[derive(Clone)]
pub(super) struct Stage {
    pub(super) tasks: TaskManager,
    pub(super) changes: broadcast::Sender<Change>,
    codec: Arc<RequestStateCodec>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let key = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let codec = RequestStateCodec::try_new(key).expect("the key is long enough");
        Self {
            tasks: TaskManager::new(),
            changes: broadcast::Sender::new(CHANGES),
            codec: Arc::new(codec),
        }
    }

    pub(super) fn seal(&self, state: &str) -> String {
        self.codec.seal(state.as_bytes())
    }

    /// The state that a client sent back, if it is one of ours.
    pub(super) fn open(&self, state: Option<&str>) -> Result<Option<String>, ErrorData> {
        let Some(state) = state else { return Ok(None) };
        let opened = self.codec.open(state);
        let opened = opened.map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
        Ok(Some(String::from_utf8_lossy(&opened).into_owned()))
    }
}
