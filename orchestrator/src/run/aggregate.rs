//! A run as a whole: its row, and what an event changes besides the state.

use jiff::Timestamp;

use super::domain::{Refused, RunEvent, RunState, active_seconds};
use super::kind::RunKind;
use crate::id::{AgentProfileId, DeliveryId, PersonId, ProjectId, RepositoryId, RunId};
use crate::slot::Lease;

/// One agent on one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub run_id: RunId,
    pub project_id: ProjectId,
    pub repository_id: RepositoryId,
    /// The issue or pull request; none for a run without one.
    pub number: Option<i64>,
    /// What that is called, as last seen. Other people's text.
    pub title: Option<String>,
    pub stage: String,
    pub kind: RunKind,
    /// The run whose session it goes on with; of a revise alone.
    pub continues: Option<RunId>,
    /// Not admitted before: what comes until then is gathered.
    pub not_before: Option<Timestamp>,
    pub agent_profile_id: AgentProfileId,
    pub instruction: Option<String>,
    pub model: Option<String>,
    pub effort: Option<String>,
    pub state: RunState,
    /// 0 before the first admission; a resume is the next turn.
    pub turn: i32,
    /// Grows with each admission and cancellation: what carries an older one is refused.
    pub fence: i64,
    pub source_key: Option<String>,
    pub delivery_id: Option<DeliveryId>,
    pub retry_of: Option<RunId>,
    pub cause_depth: i32,
    pub started_by: Option<PersonId>,
    /// Of the issue's title and body as a trusted hand left them.
    pub issue_text_sha256: Option<String>,
    pub branch: String,
    pub base_sha: Option<String>,
    pub head_sha: Option<String>,
    pub pull_request_number: Option<i64>,
    pub pull_request_url: Option<String>,
    pub last_message: Option<String>,
    /// Used by turns that are over.
    pub active_seconds: i64,
    pub active_seconds_limit: i64,
    /// Millionths of a US dollar over all its turns; none means no limit of its own.
    pub cost_limit_micro_usd: Option<i64>,
    pub queued_at: Timestamp,
    pub state_since: Timestamp,
    pub last_heartbeat_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub traceparent: String,
}

impl Run {
    /// Takes an event at `now`, with all that follows from it in the run's own row.
    pub(super) fn apply(&mut self, event: &RunEvent, now: Timestamp) -> Result<(), Refused> {
        let next = self.state.clone().apply(event.clone())?;
        let was_running = self.running_since();
        match event {
            RunEvent::Admitted(_) => {
                self.turn += 1;
                self.fence += 1;
                self.last_heartbeat_at = None;
            }
            RunEvent::CancelRequested => self.fence += 1,
            RunEvent::RunnerSpoke(at) => self.last_heartbeat_at = Some(*at),
            RunEvent::Answered => self.queued_at = now,
            _ => {}
        }
        if was_running.is_some() && !matches!(next, RunState::Running { .. }) {
            self.active_seconds = active_seconds(self.active_seconds, was_running, now);
        }
        if next.is_over() {
            self.finished_at = Some(now);
        }
        self.state = next;
        self.state_since = now;
        Ok(())
    }

    /// Whether what people say now still reaches it: nobody has read for it yet.
    pub fn gathers(&self) -> bool {
        self.kind == RunKind::Revise && self.turn == 0 && self.state == RunState::Queued
    }

    pub fn running_since(&self) -> Option<Timestamp> {
        match self.state {
            RunState::Running { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Active seconds used by `now`.
    pub fn active_seconds_at(&self, now: Timestamp) -> i64 {
        active_seconds(self.active_seconds, self.running_since(), now)
    }

    /// What the run's current turn holds a slot under.
    pub fn lease(&self) -> Lease {
        Lease {
            run_id: self.run_id,
            turn: self.turn,
            fence: self.fence,
        }
    }
}
