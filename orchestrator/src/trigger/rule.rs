//! A rule as it is kept, and the set every project begins with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::domain::Event;
use crate::actor::words;
use crate::run::REVIEW_LABEL;

/// Where an event comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    #[default]
    Github,
    /// The platform itself: a run or a deploy ended, an approval was decided, a time came.
    Internal,
}

words!(Source: Github = "github", Internal = "internal");

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub source: Source,
    pub event: String,
    /// Empty means any action.
    pub actions: Vec<String>,
    pub condition: Condition,
    pub act: Act,
}

/// What else must hold; what is not named always does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_suffix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_prefix: Option<String>,
    /// `Some(true)`: only a push to the default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<bool>,
    /// Conditions of a newer version: what is not understood never holds.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, serde_json::Value>,
}

/// What to do. A name of a version that is not built yet matches, and is ignored with that reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub act: String,
}

impl Act {
    /// Starts the agent of the label's stage.
    pub const START_RUN: &'static str = "start_run";
    /// Ends the live run of the issue or pull request.
    pub const END_RUN: &'static str = "end_run";
    /// Lets the waiting run start with the text as its editor left it.
    pub const TRUST_TEXT: &'static str = "trust_text";
    /// Continues the session of the label's stage.
    pub const REVISE_RUN: &'static str = "revise_run";
    /// Continues the session of the one stage that fits the review.
    pub const REVISE_AFTER_REVIEW: &'static str = "revise_after_review";
    pub const REVIEW: &'static str = "review";
    pub const COMMAND: &'static str = "command";
    /// Re-indexes knowledge, and deploys what is to be deployed.
    pub const FOLLOW_DEFAULT_BRANCH: &'static str = "follow_default_branch";
    /// Starts the stage that comes after the run's.
    pub const NEXT_STAGE: &'static str = "next_stage";
    /// Starts the stage that looks after a deploy.
    pub const AFTER_DEPLOY: &'static str = "after_deploy";
    /// Does what the approval was asked for.
    pub const DO_APPROVED: &'static str = "do_approved";
    /// Starts the stages that are due.
    pub const START_DUE: &'static str = "start_due";

    /// Every act there is.
    pub const ALL: [&'static str; 12] = [
        Self::START_RUN,
        Self::END_RUN,
        Self::TRUST_TEXT,
        Self::REVISE_RUN,
        Self::REVISE_AFTER_REVIEW,
        Self::REVIEW,
        Self::COMMAND,
        Self::FOLLOW_DEFAULT_BRANCH,
        Self::NEXT_STAGE,
        Self::AFTER_DEPLOY,
        Self::DO_APPROVED,
        Self::START_DUE,
    ];

    pub fn named(name: &str) -> Self {
        Self { act: name.to_owned() }
    }
}

impl Rule {
    pub fn matches(&self, event: &Event) -> bool {
        self.source == event.source
            && self.event == event.name
            && (self.actions.is_empty() || self.actions.contains(&event.action))
            && self.condition.holds(event)
    }
}

impl Condition {
    fn holds(&self, event: &Event) -> bool {
        let holds = |wanted: &Option<String>, of: &Option<String>, test: fn(&str, &str) -> bool| {
            wanted
                .as_deref()
                .is_none_or(|wanted| of.as_deref().is_some_and(|of| test(of, wanted)))
        };
        let begins: fn(&str, &str) -> bool = |text, start| text.starts_with(start);
        let ends: fn(&str, &str) -> bool = |text, end| text.ends_with(end);
        let is: fn(&str, &str) -> bool = |text, other| text == other;
        self.unknown.is_empty()
            && holds(&self.label, &event.label, is)
            && holds(&self.label_prefix, &event.label, begins)
            && holds(&self.label_suffix, &event.label, ends)
            && holds(&self.review_state, &event.review_state, is)
            && holds(&self.comment_prefix, &event.comment, begins)
            && self
                .default_branch
                .is_none_or(|wanted| wanted == event.pushes_default_branch)
    }
}

/// The rules every project begins with, in the order of asking.
pub fn seeded() -> Vec<Rule> {
    let rule = |event: &str, actions: &[&str], condition: Condition, act: &str| Rule {
        source: Source::Github,
        event: event.to_owned(),
        actions: actions.iter().map(|&action| action.to_owned()).collect(),
        condition,
        act: Act::named(act),
    };
    let run_label = || Condition {
        label_prefix: Some("run:".into()),
        ..Condition::default()
    };
    let revise_label = || Condition {
        label_suffix: Some(":revise".into()),
        ..run_label()
    };
    let any = Condition::default;
    let changes = Condition {
        review_state: Some("changes_requested".into()),
        ..any()
    };
    let reviewer = || Condition {
        label: Some(REVIEW_LABEL.into()),
        ..any()
    };
    let command = Condition {
        comment_prefix: Some("/codex".into()),
        ..any()
    };
    let default_branch = Condition {
        default_branch: Some(true),
        ..any()
    };
    let internal = |event: &str, action: &str, act: &str| Rule {
        source: Source::Internal,
        ..rule(event, &[action], Condition::default(), act)
    };
    vec![
        rule("issues", &["labeled"], revise_label(), Act::REVISE_RUN),
        rule("issues", &["labeled"], run_label(), Act::START_RUN),
        rule("issues", &["unlabeled"], run_label(), Act::END_RUN),
        rule(
            "issues",
            &["closed", "deleted", "transferred"],
            any(),
            Act::END_RUN,
        ),
        rule("issues", &["edited"], any(), Act::TRUST_TEXT),
        rule("pull_request", &["closed"], any(), Act::END_RUN),
        rule("pull_request", &["labeled"], reviewer(), Act::REVIEW),
        rule("pull_request", &["labeled"], revise_label(), Act::REVISE_RUN),
        rule("pull_request", &["labeled"], run_label(), Act::START_RUN),
        rule(
            "pull_request_review",
            &["submitted"],
            changes,
            Act::REVISE_AFTER_REVIEW,
        ),
        rule("issue_comment", &["created", "edited"], command, Act::COMMAND),
        rule("push", &[], default_branch, Act::FOLLOW_DEFAULT_BRANCH),
        rule("pull_request", &["unlabeled"], reviewer(), Act::END_RUN),
        internal("run", "ended", Act::NEXT_STAGE),
        internal("deploy", "ended", Act::AFTER_DEPLOY),
        internal("approval", "decided", Act::DO_APPROVED),
        internal("schedule", "due", Act::START_DUE),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_rules() {
        let lines: Vec<_> = seeded()
            .iter()
            .map(|rule| serde_json::to_string(rule).unwrap())
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_seeded_act_can_be_named() {
        let unknown: Vec<_> = seeded()
            .into_iter()
            .map(|rule| rule.act.act)
            .filter(|act| !Act::ALL.contains(&act.as_str()))
            .collect();
        assert_eq!(unknown, Vec::<String>::new());
    }

    #[test]
    fn a_rule_of_a_newer_version_can_be_read_and_never_holds() {
        let rule: Rule = serde_json::from_str(
            r#"{"source":"github","event":"issues","actions":[],"condition":{"moon":"full"},"act":{"act":"dance","tempo":3}}"#,
        )
        .unwrap();
        assert_eq!(rule.act.act, "dance");
        let event = Event {
            name: "issues".into(),
            ..Event::default()
        };
        assert!(!rule.matches(&event));
        let known = Rule {
            condition: Condition::default(),
            ..rule
        };
        assert!(known.matches(&event));
    }
}
