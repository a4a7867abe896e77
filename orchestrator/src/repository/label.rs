//! The labels that start something, as a repository should have them.

use serde::{Deserialize, Serialize};

use crate::agent::STAGES;
use crate::run::RunKind;

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
    let label = |kind: RunKind, stage: &str, description: String| LabelDefinition {
        name: kind.label(stage),
        colour: COLOUR.to_owned(),
        description,
    };
    let work = STAGES.iter().map(|stage| {
        let does = format!("An agent works on the stage {}", stage.name);
        label(RunKind::Work, stage.name, does)
    });
    let revise = STAGES.iter().map(|stage| {
        let does = format!(
            "An agent goes on with the stage {}, by what was said since",
            stage.name
        );
        label(RunKind::Revise, stage.name, does)
    });
    let reviews = "An agent reviews this pull request".to_owned();
    work.chain(revise)
        .chain([label(RunKind::Review, "", reviews)])
        .collect()
}

/// Those that are not there; GitHub's labels differ by more than case.
pub fn missing(there: &[String]) -> Vec<LabelDefinition> {
    let is_there = |name: &str| there.iter().any(|known| known.eq_ignore_ascii_case(name));
    let mut wanted = wanted();
    wanted.retain(|label| !is_there(&label.name));
    wanted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::trigger::{Event, seeded};

    #[test]
    fn every_label_starts_something_and_can_be_made() {
        let labels = wanted();
        for label in &labels {
            // GitHub's own bounds.
            assert!(
                label.name.len() <= 50 && label.description.len() <= 100,
                "{label:?}"
            );
            let of = |name: &str| Event {
                name: name.into(),
                action: "labeled".into(),
                label: Some(label.name.clone()),
                ..Event::default()
            };
            let heard = |name| seeded().iter().any(|rule| rule.matches(&of(name)));
            assert!(heard("issues") || heard("pull_request"), "{label:?}");
        }
        let names: BTreeSet<_> = labels.iter().map(|label| &label.name).collect();
        assert_eq!(names.len(), labels.len());
        assert_eq!(labels.len(), 2 * STAGES.len() + 1);
        assert_eq!(missing(&["RUN:dev:Revise".into()]).len(), labels.len() - 1);
    }
}
