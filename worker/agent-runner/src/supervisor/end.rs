//! How a turn ends, in the words of the platform's closed list.

use contract::runner::{Finish, FinishOutcome};
use serde::{Deserialize, Serialize};

/// The platform's failure reasons a runner may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Precondition,
    Environment,
    AgentError,
    OutputInvalid,
    WriteScope,
    ModelAuth,
    Budget,
    Internal,
}

impl Reason {
    /// The word as the platform writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Precondition => "precondition",
            Self::Environment => "environment",
            Self::AgentError => "agent_error",
            Self::OutputInvalid => "output_invalid",
            Self::WriteScope => "write_scope",
            Self::ModelAuth => "model_auth",
            Self::Budget => "budget",
            Self::Internal => "internal",
        }
    }
}

/// Why a turn failed. Also the format of the termination message, for a reason the platform could not be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {sub_reason}: {detail}", reason.word())]
pub struct Failure {
    pub reason: Reason,
    pub sub_reason: String,
    /// A sentence for a person.
    pub detail: String,
}

impl Failure {
    pub(crate) fn new(reason: Reason, sub_reason: &str, detail: impl Into<String>) -> Self {
        Self {
            reason,
            sub_reason: sub_reason.to_owned(),
            detail: detail.into(),
        }
    }

    pub(crate) fn internal(sub_reason: &str, error: impl std::fmt::Display) -> Self {
        Self::new(Reason::Internal, sub_reason, format!("{error:#}"))
    }

    /// The failure as `run_finish` takes it.
    pub(crate) fn into_finish(self) -> Finish {
        Finish {
            outcome: FinishOutcome::Failed,
            reason: Some(self.reason.word().to_owned()),
            sub_reason: Some(self.sub_reason),
            detail: Some(self.detail),
            last_message: None,
            base_sha: None,
            head_sha: None,
            changed_paths: Vec::new(),
        }
    }
}

/// Why a turn stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Failed(Failure),
    /// The platform wants nothing more of this turn: cancelled, or an older turn than the present one.
    Over(String),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(crate) type Result<T, E = Stop> = std::result::Result<T, E>;
