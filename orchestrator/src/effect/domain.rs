//! What is written outward, and where a write is. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::actor::words;
use crate::id::RunId;
use crate::repository::label::LabelDefinition;
use crate::scrub::secret_in;

/// Bytes of a text written outward: GitHub takes 65,536 characters.
pub const MAX_BODY_BYTES: usize = 60_000;
/// Comments one run may write.
pub const MAX_COMMENTS_PER_RUN: i64 = 20;
/// Changes of labels one run may make.
pub const MAX_LABEL_CHANGES_PER_RUN: i64 = 20;

/// Issues one run may open.
pub const MAX_ISSUES_PER_RUN: i64 = 5;
/// Reviews one run may submit.
pub const MAX_REVIEWS_PER_RUN: i64 = 5;

/// A write, by what it wants to be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Write {
    /// A pull request from a branch. Without `head_sha` nothing is pushed yet.
    PullRequest {
        title: String,
        body: String,
        head_branch: String,
        base_branch: String,
        head_sha: Option<String>,
    },
    /// The one comment that says where a run is; the newest body wins.
    StatusComment {
        body: String,
    },
    Comment {
        body: String,
    },
    /// Labels that must be there, and labels that must not.
    Labels {
        add: Vec<String>,
        remove: Vec<String>,
    },
    /// Labels that the repository must know, whoever wears them.
    LabelDefinitions {
        labels: Vec<LabelDefinition>,
    },
    /// A new issue.
    Issue {
        title: String,
        body: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        labels: Vec<String>,
    },
    /// A review of a pull request.
    Review(Review),
}

/// What a review says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub verdict: ReviewVerdict,
    pub body: String,
    pub comments: Vec<LineComment>,
}

/// What a review comes to. None of ours approves: that is people's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    Comment,
    RequestChanges,
}

words!(ReviewVerdict: Comment = "comment", RequestChanges = "request_changes");

/// Something said about one line of the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineComment {
    pub path: String,
    /// In the file as the change leaves it.
    pub line: i64,
    pub body: String,
}

/// The kinds of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EffectKind {
    PullRequest,
    StatusComment,
    Comment,
    Labels,
    LabelDefinitions,
    Issue,
    Review,
}

words!(EffectKind: PullRequest = "pull_request", StatusComment = "status_comment", Comment = "comment",
    Labels = "labels", LabelDefinitions = "label_definitions", Issue = "issue", Review = "review");

impl Write {
    pub fn kind(&self) -> EffectKind {
        match self {
            Self::PullRequest { .. } => EffectKind::PullRequest,
            Self::StatusComment { .. } => EffectKind::StatusComment,
            Self::Comment { .. } => EffectKind::Comment,
            Self::Labels { .. } => EffectKind::Labels,
            Self::LabelDefinitions { .. } => EffectKind::LabelDefinitions,
            Self::Issue { .. } => EffectKind::Issue,
            Self::Review(_) => EffectKind::Review,
        }
    }

    /// This change of labels and an older one, never made, as one: where they disagree, this one says what is wanted.
    #[must_use]
    pub fn with_older(self, older: &Self) -> Self {
        match (self, older) {
            (
                Self::Labels { mut add, mut remove },
                Self::Labels {
                    add: older_add,
                    remove: older_remove,
                },
            ) => {
                let said: Vec<String> = add.iter().chain(&remove).cloned().collect();
                let unsaid = |labels: &[String]| -> Vec<String> {
                    let left = labels.iter().filter(|label| !said.contains(label));
                    left.cloned().collect()
                };
                add.extend(unsaid(older_add));
                remove.extend(unsaid(older_remove));
                Self::Labels { add, remove }
            }
            (newer, _) => newer,
        }
    }
}

/// Where a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EffectState {
    /// Recorded, and waiting for what it needs: a push, an approval.
    Proposed,
    AwaitingApproval,
    Ready,
    /// A worker holds the lane for it.
    Applying,
    Applied,
    /// A rule of ours refuses it.
    Refused,
    /// The code host refuses it, or it was tried too often.
    Failed,
    /// A newer write made it pointless.
    Superseded,
}

words!(EffectState: Proposed = "proposed", AwaitingApproval = "awaiting_approval", Ready = "ready",
    Applying = "applying", Applied = "applied", Refused = "refused", Failed = "failed", Superseded = "superseded");

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EffectEvent {
    ApprovalAsked,
    /// What it waited for is there.
    Released,
    /// A rule of ours, or a person, says no.
    Denied,
    Claimed,
    /// The code host shows it.
    Done,
    /// Nothing was done, or nobody knows: it is looked at again later.
    Postponed,
    /// The code host will not.
    Rejected,
    /// An upsert has a newer body.
    Changed,
    Overtaken,
}

words!(EffectEvent: ApprovalAsked = "approval_asked", Released = "released", Denied = "denied",
    Claimed = "claimed", Done = "done", Postponed = "postponed", Rejected = "rejected", Changed = "changed",
    Overtaken = "overtaken");

/// An event that makes no sense in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an effect that is {from} cannot be {event}")]
pub struct Refused {
    pub from: EffectState,
    pub event: EffectEvent,
}

impl EffectState {
    /// Returns the state that `event` leads to, or [`Refused`] if it makes no sense here.
    pub fn apply(self, event: EffectEvent) -> Result<Self, Refused> {
        use {EffectEvent as E, EffectState as S};
        Ok(match (self, event) {
            (S::Proposed, E::ApprovalAsked) => S::AwaitingApproval,
            (S::Proposed | S::AwaitingApproval | S::Ready, E::Denied) => S::Refused,
            (S::Ready, E::Claimed) => S::Applying,
            (S::Applying, E::Done) => S::Applied,
            (S::Proposed | S::AwaitingApproval, E::Released)
            | (S::Applying, E::Postponed)
            | (S::Applied | S::Failed, E::Changed) => S::Ready,
            (S::Applying, E::Rejected) => S::Failed,
            // The body in hand is written first; then the row is ready again.
            (S::Ready | S::Applying, E::Changed) => self,
            (S::Proposed | S::AwaitingApproval | S::Ready, E::Overtaken) => S::Superseded,
            (from, event) => return Err(Refused { from, event }),
        })
    }

    /// Whether nothing will happen to it by itself any more.
    pub fn is_over(self) -> bool {
        matches!(
            self,
            Self::Applied | Self::Refused | Self::Failed | Self::Superseded
        )
    }
}

/// The key of the one pull request of a run.
pub fn pull_request_key(run_id: RunId, branch: &str) -> String {
    format!("pull_request:{run_id}:{branch}")
}

/// The hidden line by which a write of ours is found again.
pub fn marker(effect_key: &str) -> String {
    let digest = hex::encode(&Sha256::digest(effect_key.as_bytes())[..16]);
    format!("<!-- codex-k8s:{digest} -->")
}

/// A body with its marker.
pub fn marked(body: &str, effect_key: &str) -> String {
    format!("{}\n\n{}", body.trim_end(), marker(effect_key))
}

/// What in a text must not leave the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    Empty,
    TooLong,
    /// It looks like it holds a credential.
    Secret(&'static str),
    /// It tries to pass for one of our own markers.
    Marker,
}

impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the text is empty"),
            Self::TooLong => write!(f, "the text has more than {MAX_BODY_BYTES} bytes; shorten it"),
            Self::Secret(kind) => write!(f, "the text seems to hold a credential ({kind}); take it out"),
            Self::Marker => f.write_str("the text holds one of the platform's hidden markers; take it out"),
        }
    }
}

/// Checks a text that an agent or person wants written outward.
pub fn check_text(text: &str) -> Result<(), TextFault> {
    if text.trim().is_empty() {
        return Err(TextFault::Empty);
    }
    if text.len() > MAX_BODY_BYTES {
        return Err(TextFault::TooLong);
    }
    if text.contains("<!-- codex-k8s:") {
        return Err(TextFault::Marker);
    }
    secret_in(text).map_or(Ok(()), |kind| Err(TextFault::Secret(kind)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_whole_machine() {
        let mut table = Vec::new();
        for state in EffectState::ALL {
            for event in EffectEvent::ALL {
                if let Ok(next) = state.apply(*event) {
                    let (from, by) = (state.as_str(), event.as_str());
                    table.push(format!("{from:<17} --{by:>14} --> {next}"));
                }
            }
        }
        insta::assert_snapshot!(table.join("\n"));
    }

    #[rstest]
    #[case("All tests pass now.", Ok(()))]
    #[case("  ", Err(TextFault::Empty))]
    #[case("<!-- codex-k8s:00 -->", Err(TextFault::Marker))]
    #[case(
        "key: sk-abcdefghijklmnopqrstuvwx",
        Err(TextFault::Secret("model provider key"))
    )]
    #[case(
        "ghs_0123456789.0123456789_0123456789abcdefgh",
        Err(TextFault::Secret("GitHub installation token"))
    )]
    #[case("-----BEGIN RSA PRIVATE KEY-----", Err(TextFault::Secret("private key")))]
    #[case("the task-list and risk-analysis are fine", Ok(()))]
    fn texts_are_checked(#[case] text: &str, #[case] expected: Result<(), TextFault>) {
        assert_eq!(check_text(text), expected);
    }

    #[test]
    fn of_two_changes_of_labels_the_newer_one_decides_where_they_disagree() {
        let labels = |add: &[&str], remove: &[&str]| Write::Labels {
            add: add.iter().map(ToString::to_string).collect(),
            remove: remove.iter().map(ToString::to_string).collect(),
        };
        let older = labels(&["state:dev-failed"], &["run:dev", "state:dev-done"]);
        let of_the_stage = labels(&["state:dev-done"], &["run:dev", "state:dev-failed"]);
        assert_eq!(of_the_stage.clone().with_older(&older), of_the_stage);
        assert_eq!(
            labels(&["state:qa-done"], &["run:qa"]).with_older(&older),
            labels(
                &["state:qa-done", "state:dev-failed"],
                &["run:qa", "run:dev", "state:dev-done"]
            )
        );
    }

    #[test]
    fn a_marker_is_the_same_each_time_and_hides_the_key() {
        let body = marked("done\n", "status:1:2");
        assert_eq!(body, format!("done\n\n{}", marker("status:1:2")));
        assert_ne!(marker("status:1:2"), marker("status:1:3"));
    }
}
