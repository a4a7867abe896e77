//! The labels that start something, as a repository should have them.

use serde::{Deserialize, Serialize};

use crate::agent::STAGES;

/// Labels made by one write: GitHub asks for a second between two.
pub const AT_ONCE: usize = 8;
/// One colour for all that starts a run.
const COLOUR: &str = "5319e7";

/// A label to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelDefinition {
    pub name: String,
    /// Six hexadecimal digits.
    pub colour: String,
    pub description: String,
}

/// Every label that a rule listens to.
pub fn wanted() -> Vec<LabelDefinition> {
    let of_stage = |stage: &str| LabelDefinition {
        name: format!("run:{stage}"),
        colour: COLOUR.to_owned(),
        description: format!("An agent works on the stage {stage}"),
    };
    let review = LabelDefinition {
        name: "need:reviewer".to_owned(),
        colour: COLOUR.to_owned(),
        description: "An agent reviews this pull request".to_owned(),
    };
    let stages = STAGES.iter().map(|stage| of_stage(stage.name));
    stages.chain([review]).collect()
}

/// Those that are not there; GitHub's labels differ by more than case.
pub fn missing(there: &[String]) -> Vec<LabelDefinition> {
    let is_there = |name: &str| there.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut wanted = wanted();
    wanted.retain(|label| !is_there(&label.name));
    wanted
}
