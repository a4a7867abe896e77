//! What a run is asked for.

use crate::actor::words;

/// What the agent of a stage is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RunKind {
    /// The stage's own task.
    #[default]
    Work,
    /// Go on with what an earlier run left: its session, its branch, its pull request.
    Revise,
    /// Look at a pull request and say what is to be said; nothing is pushed.
    Review,
}

words!(RunKind: Work = "work", Revise = "revise", Review = "review");

/// The label that asks for a review of a pull request.
pub const REVIEW_LABEL: &str = "need:reviewer";

impl RunKind {
    /// The label that starts it.
    pub fn label(self, stage: &str) -> String {
        match self {
            Self::Work => format!("run:{stage}"),
            Self::Revise => format!("run:{stage}:revise"),
            Self::Review => REVIEW_LABEL.to_owned(),
        }
    }

    /// How people are told of it.
    #[cfg(feature = "postgres")]
    pub(super) fn title(self, stage: &str) -> String {
        match self {
            Self::Work => stage.to_owned(),
            Self::Revise | Self::Review => format!("{stage}:{self}"),
        }
    }
}
