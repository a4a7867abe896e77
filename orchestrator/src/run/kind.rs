//! What a run is asked for, and the label that asks for it.

pub use crate::agent::Kind as RunKind;

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
