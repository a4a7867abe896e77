//! The use cases of effects: staging, applying, reading.

mod apply;
mod ask;
mod ask_more;
mod read;
mod staff;
mod stage;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::domain::{EffectEvent, EffectState, Write};
use super::{lane, store};
use crate::error::{Error, Result};
use crate::id::{EffectId, PersonId, ProjectId, RepositoryId, RunId};
use crate::postgres::Tx;
use crate::postgres::listen::Topic;

pub use apply::{Claim, Claimed, Outcome, claim, reconcile, settle};
pub use ask::{ask_comment, ask_labels, open_pull_request};
pub use ask_more::{ask_issue, ask_review};
pub use read::{get, list, wait};
pub(crate) use read::{open_of_run, pull_request_of_run, run_of_pull_request};
pub(crate) use staff::person_behind_label;
pub use staff::{MAX_WRITES_AN_HOUR, ask_comment_of_person, ask_issue_of_person, ask_labels_of_person};
pub use stage::NewComment;
pub(crate) use stage::{
    overtake_labels, overtake_of_run, stage_comment, stage_label_definitions, stage_labels,
    stage_status_comment,
};

/// An outward write in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub effect_id: EffectId,
    pub project_id: ProjectId,
    pub repository_id: RepositoryId,
    /// The issue or pull request it writes to.
    pub number: Option<i64>,
    pub run_id: Option<RunId>,
    pub turn: Option<i32>,
    /// What makes two asks the same write.
    pub effect_key: Option<String>,
    pub write: Write,
    /// Counts changes of `write`.
    pub version: i64,
    pub applied_version: Option<i64>,
    pub state: EffectState,
    pub reason: Option<String>,
    pub result: Option<EffectResult>,
    pub attempts: i32,
    pub not_before: Timestamp,
    pub lane_fence: Option<i64>,
    pub applying_since: Option<Timestamp>,
    pub applied_at: Option<Timestamp>,
    pub actor: String,
    /// The person in whose name it is written, outside of any run.
    pub asked_by: Option<PersonId>,
    pub traceparent: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What the code host made of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectResult {
    /// Of a comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment_id: Option<i64>,
    /// Of a pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Of an issue, after labels were changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

impl Effect {
    fn take(&mut self, event: EffectEvent) -> Result<()> {
        self.state = self
            .state
            .apply(event)
            .map_err(|refused| Error::Conflict(refused.to_string()))?;
        Ok(())
    }
}

async fn save_and_tell(tx: &mut Tx, effect: &Effect) -> Result<()> {
    store::save(tx, effect).await?;
    tx.notify(Topic::Effect, effect.effect_id).await
}
