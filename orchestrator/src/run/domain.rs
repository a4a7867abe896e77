//! Where a run is in its life. Pure: states, events, and what leads where.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::actor::words;
use crate::id::SlotId;

/// Where a run is in its life. Each variant holds what is known by then and by no other state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Wants a slot; a resume stands here too.
    Queued,
    /// Has a slot; its pod is not wanted yet.
    Admitted {
        slot: SlotId,
    },
    /// Its pod is wanted; nobody spoke from it yet.
    Starting {
        slot: SlotId,
    },
    Running {
        slot: SlotId,
        since: Timestamp,
    },
    /// Waits for a person: no pod, no slot, no active time.
    Waiting,
    /// The runner reported success; the result is being proven at the code host.
    Finishing,
    /// Ends when the pod is proven gone.
    Cancelling,
    Succeeded,
    Failed(Failure),
    /// Its active time was used up.
    TimedOut,
    Cancelled,
}

/// The words of the states in which something may still happen to a run.
pub const LIVE_STATES: [&str; 7] = [
    "queued",
    "admitted",
    "starting",
    "running",
    "waiting",
    "finishing",
    "cancelling",
];

/// Why a run failed: a reason of the closed list, which case of it, and a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: FailureReason,
    pub sub_reason: Option<String>,
    pub detail: Option<String>,
}

/// The closed list of failure reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureReason {
    /// Something that had to hold first did not: the issue's text changed, the branch moved.
    Precondition,
    /// The place to work in did not work: eviction, memory, disk, a missing image.
    Environment,
    StartTimeout,
    /// The pod ended or fell silent without a word.
    PodLost,
    /// The agent's program failed.
    AgentError,
    /// It ended well and left nothing, or not what the profile asks for.
    OutputInvalid,
    /// It changed what it may not change.
    WriteScope,
    /// The code host refuses what the run needs.
    ProviderDenied,
    /// The model's provider refuses the key.
    ModelAuth,
    Budget,
    Internal,
}

words!(FailureReason: Precondition = "precondition", Environment = "environment", StartTimeout = "start_timeout",
    PodLost = "pod_lost", AgentError = "agent_error", OutputInvalid = "output_invalid", WriteScope = "write_scope",
    ProviderDenied = "provider_denied", ModelAuth = "model_auth", Budget = "budget", Internal = "internal");

/// What happens to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEvent {
    /// A slot was leased to its next turn.
    Admitted(SlotId),
    /// Token rows are there and the pod is wanted.
    PodWanted,
    /// The first heartbeat of the turn.
    RunnerSpoke(Timestamp),
    /// The agent ended its turn to wait for people.
    Parked,
    /// The last wait was answered or expired.
    Answered,
    /// The runner pushed its work and reported success.
    FinishReported,
    /// The code host shows what was reported.
    ResultProven,
    Failed(Failure),
    ActiveTimeSpent,
    CancelRequested,
    PodGone,
}

/// An event that makes no sense in a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from} cannot take {event}")]
pub struct Refused {
    pub from: &'static str,
    pub event: &'static str,
}

impl RunState {
    /// Returns the state that `event` leads to, or [`Refused`] if it makes no sense here.
    pub fn apply(self, event: RunEvent) -> Result<Self, Refused> {
        use {RunEvent as E, RunState as S};
        Ok(match (self, event) {
            (S::Queued, E::Admitted(slot)) => S::Admitted { slot },
            (S::Admitted { slot }, E::PodWanted) => S::Starting { slot },
            (S::Starting { slot }, E::RunnerSpoke(since)) => S::Running { slot, since },
            (S::Running { .. }, E::Parked) => S::Waiting,
            (S::Waiting, E::Answered) => S::Queued, // the next turn leases a slot again
            (S::Running { .. }, E::FinishReported) => S::Finishing,
            (S::Finishing, E::ResultProven) => S::Succeeded,
            (
                S::Admitted { .. } | S::Starting { .. } | S::Running { .. } | S::Finishing,
                E::Failed(failure),
            ) => S::Failed(failure),
            (S::Running { .. }, E::ActiveTimeSpent) => S::TimedOut,
            (S::Admitted { .. } | S::Starting { .. } | S::Running { .. }, E::CancelRequested) => {
                S::Cancelling
            }
            (S::Queued | S::Waiting, E::CancelRequested) | (S::Cancelling, E::PodGone) => S::Cancelled,
            (from, event) => {
                return Err(Refused {
                    from: from.as_str(),
                    event: event.as_str(),
                });
            }
        })
    }

    /// The word of the column.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Admitted { .. } => "admitted",
            Self::Starting { .. } => "starting",
            Self::Running { .. } => "running",
            Self::Waiting => "waiting",
            Self::Finishing => "finishing",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// The slot the run holds in this state.
    pub fn slot(&self) -> Option<SlotId> {
        match self {
            Self::Admitted { slot } | Self::Starting { slot } | Self::Running { slot, .. } => Some(*slot),
            _ => None,
        }
    }

    /// Whether nothing can happen to the run any more.
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed(_) | Self::TimedOut | Self::Cancelled
        )
    }

    /// Whether the runner of the current turn may still speak.
    pub fn hears_runner(&self) -> bool {
        matches!(self, Self::Starting { .. } | Self::Running { .. })
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RunEvent {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Admitted(_) => "admitted",
            Self::PodWanted => "pod_wanted",
            Self::RunnerSpoke(_) => "runner_spoke",
            Self::Parked => "parked",
            Self::Answered => "answered",
            Self::FinishReported => "finish_reported",
            Self::ResultProven => "result_proven",
            Self::Failed(_) => "failed",
            Self::ActiveTimeSpent => "active_time_spent",
            Self::CancelRequested => "cancel_requested",
            Self::PodGone => "pod_gone",
        }
    }
}

impl Failure {
    pub fn new(reason: FailureReason, sub_reason: &str) -> Self {
        Self {
            reason,
            sub_reason: Some(sub_reason.to_owned()),
            detail: None,
        }
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// What a runner that only saw its agent vanish could not know: it had run out of memory. None where another reason
    /// is known.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub(super) fn of_lost_agent_out_of_memory(&self) -> Option<Self> {
        let vanished =
            (self.reason, self.sub_reason.as_deref()) == (FailureReason::Environment, Some("agent_lost"));
        let told = self.detail.as_deref().unwrap_or_default();
        vanished.then(|| {
            out_of_memory()
                .with_detail(format!("{OUT_OF_MEMORY}; {told}"))
                .bounded()
        })
    }

    /// The same, in a form that can be stored: texts of runners are data of any length.
    #[must_use]
    pub(super) fn bounded(self) -> Self {
        Self {
            reason: self.reason,
            sub_reason: self.sub_reason.map(|text| bounded(&text, 100)),
            detail: self.detail.map(|text| bounded(&text, 2000)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if let Some(sub_reason) = &self.sub_reason {
            write!(f, ": {sub_reason}")?;
        }
        Ok(())
    }
}

/// Active seconds used by `now`: what earlier turns used, and this one since it runs.
pub fn active_seconds(used: i64, running_since: Option<Timestamp>, now: Timestamp) -> i64 {
    let running = running_since.map_or(SignedDuration::ZERO, |since| now.duration_since(since));
    used + running.as_secs().max(0)
}

const OUT_OF_MEMORY: &str =
    "the agent's container was killed because it used more memory than its profile allows";

fn out_of_memory() -> Failure {
    Failure::new(FailureReason::Environment, "oom").with_detail(OUT_OF_MEMORY)
}

/// What the runner's pod left as its last word, mapped to the closed list. Text of the pod is data: a word outside the
/// list, or none, is a lost pod.
pub fn failure_of_ended_pod(message: Option<&str>, oom: bool) -> Failure {
    #[derive(serde::Deserialize)]
    struct LastWord {
        reason: String,
        sub_reason: Option<String>,
        detail: Option<String>,
    }
    if oom {
        return out_of_memory();
    }
    let word = message.and_then(|text| serde_json::from_str::<LastWord>(text).ok());
    let known = word.and_then(|word| Some((FailureReason::parse(&word.reason)?, word)));
    match known {
        Some((reason, word)) => Failure {
            reason,
            sub_reason: word.sub_reason,
            detail: word.detail,
        }
        .bounded(),
        None => Failure::new(FailureReason::PodLost, "ended_silently").with_detail(match message {
            Some(text) => format!("the pod ended and said: {}", bounded(text, 500)),
            None => "the pod ended without a word".to_owned(),
        }),
    }
}

/// The first `max` characters. PostgreSQL's text holds no NUL, and agents write what they like: it is replaced.
pub(crate) fn bounded(text: &str, max: usize) -> String {
    let stored = |c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(max).map(stored).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn states() -> Vec<RunState> {
        let slot = SlotId::from(uuid::Uuid::nil());
        vec![
            RunState::Queued,
            RunState::Admitted { slot },
            RunState::Starting { slot },
            RunState::Running {
                slot,
                since: Timestamp::UNIX_EPOCH,
            },
            RunState::Waiting,
            RunState::Finishing,
            RunState::Cancelling,
            RunState::Succeeded,
            RunState::Failed(Failure::new(FailureReason::Internal, "test")),
            RunState::TimedOut,
            RunState::Cancelled,
        ]
    }

    fn events() -> Vec<RunEvent> {
        vec![
            RunEvent::Admitted(SlotId::from(uuid::Uuid::nil())),
            RunEvent::PodWanted,
            RunEvent::RunnerSpoke(Timestamp::UNIX_EPOCH),
            RunEvent::Parked,
            RunEvent::Answered,
            RunEvent::FinishReported,
            RunEvent::ResultProven,
            RunEvent::Failed(Failure::new(FailureReason::AgentError, "test")),
            RunEvent::ActiveTimeSpent,
            RunEvent::CancelRequested,
            RunEvent::PodGone,
        ]
    }

    #[test]
    fn the_whole_machine() {
        let mut table = Vec::new();
        for state in states() {
            for event in events() {
                let (from, by) = (state.as_str(), event.as_str());
                if let Ok(next) = state.clone().apply(event) {
                    table.push(format!("{from:<10} --{by:>17} --> {next}"));
                }
            }
        }
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn an_end_is_an_end() {
        for state in states().into_iter().filter(RunState::is_over) {
            for event in events() {
                assert!(
                    state.clone().apply(event.clone()).is_err(),
                    "{state} took {event:?}"
                );
            }
        }
    }

    #[rstest]
    #[case(None, false, "pod_lost: ended_silently")]
    #[case(None, true, "environment: oom")]
    #[case(
        Some(r#"{"reason":"model_auth","sub_reason":"401"}"#),
        false,
        "model_auth: 401"
    )]
    #[case(
        Some(r#"{"reason":"made_up","sub_reason":"x"}"#),
        false,
        "pod_lost: ended_silently"
    )]
    #[case(Some("panic!"), false, "pod_lost: ended_silently")]
    fn the_pods_last_word_maps_to_the_closed_list(
        #[case] message: Option<&str>,
        #[case] oom: bool,
        #[case] expected: &str,
    ) {
        assert_eq!(failure_of_ended_pod(message, oom).to_string(), expected);
    }

    #[test]
    fn waiting_costs_no_active_time() {
        let since = Timestamp::UNIX_EPOCH;
        let now = since + SignedDuration::from_secs(90);
        assert_eq!(active_seconds(10, Some(since), now), 100);
        assert_eq!(active_seconds(10, None, now), 10);
    }
}
