//! Trying rules on an event without acting: the same decision, with what would be looked at taken for granted.

use super::domain::{
    Binding, Decision, Event, Facts, Head, HostFacts, IssueFacts, LABEL_PREFIX, Sender, SenderFacts, Start,
    decide,
};
use super::rule::{Act, Rule, Source};
use crate::ports::code_host::HostPermission;

/// Rules of one project.
pub const MAX_RULES: usize = 100;
const MAX_WORD_BYTES: usize = 60;
const MAX_ACTIONS: usize = 20;

const SOMEBODY: i64 = 1;
const TEXT: &str = "the text as it is";

/// An event as a person describes it.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub source: Source,
    pub event: String,
    pub action: String,
    pub label: Option<String>,
    /// All labels of the issue; none stands for the one.
    pub labels: Option<Vec<String>>,
    pub on_pull_request: bool,
    pub review_state: Option<String>,
    pub comment: Option<String>,
    pub pushes_default_branch: bool,
}

/// What would be made of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub verdict: &'static str,
    /// Why nothing starts.
    pub reason: Option<&'static str>,
    pub summary: String,
    pub next: Option<&'static str>,
    /// Which of the rules fitted first.
    pub rule: Option<usize>,
    pub start: Option<Start>,
}

/// Checks a rule that somebody writes: what an older or newer version of the platform would not understand is refused.
///
/// # Errors
///
/// The first fault.
pub fn check_rule(rule: &Rule) -> Result<(), String> {
    let is_word = |word: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !word.is_empty() && word.len() <= MAX_WORD_BYTES && word.bytes().all(inner)
    };
    if !is_word(&rule.event) {
        return Err(format!(
            "event: {:?} is no name of an event; write it like issues or pull_request",
            rule.event
        ));
    }
    if rule.actions.len() > MAX_ACTIONS {
        return Err(format!("actions: at most {MAX_ACTIONS}"));
    }
    if let Some(bad) = rule.actions.iter().find(|action| !is_word(action)) {
        return Err(format!(
            "actions: {bad:?} is no name of an action; write it like labeled"
        ));
    }
    if let Some(unknown) = rule.condition.unknown.keys().next() {
        return Err(format!("condition: there is no condition {unknown:?}"));
    }
    if !Act::ALL.contains(&rule.act.act.as_str()) {
        return Err(format!(
            "act: {:?} is none of {}",
            rule.act.act,
            Act::ALL.join(", ")
        ));
    }
    Ok(())
}

/// Tries rules on an event with what is known of it.
pub fn try_rules(rules: &[Rule], event: &Event, facts: &Facts) -> Trial {
    let decision = decide(rules, event, facts);
    let rule = rules.iter().position(|rule| rule.matches(event));
    let told = |verdict, summary: &str| Trial {
        verdict,
        reason: None,
        summary: summary.to_owned(),
        next: None,
        rule,
        start: None,
    };
    match decision {
        Decision::Ignore(reason) => {
            let words = reason.explain();
            Trial {
                reason: Some(reason.as_str()),
                next: Some(words.next),
                ..told("ignore", words.sentence)
            }
        }
        Decision::Conflict(reason) => {
            let words = reason.explain();
            Trial {
                reason: Some(reason.as_str()),
                next: Some(words.next),
                ..told("conflict", words.sentence)
            }
        }
        Decision::Start(start) => Trial {
            start: Some(start.clone()),
            ..told(
                "start",
                &format!("A run would start: {}.", start.kind.label(&start.stage)),
            )
        },
        Decision::Join => told("join", "The run that is about to begin would read it too."),
        Decision::End(why) => told("end", &format!("The live run would end: {why}.")),
        Decision::Record => told(
            "record",
            "What it says would be noted, and nothing starts from it.",
        ),
        Decision::TrustText => told(
            "record",
            "The edited text would be trusted, if the text before it was.",
        ),
        // Facts of a trial answer all that can be looked at.
        Decision::Look(_) => told("record", "It would be looked at at the code host first."),
    }
}

impl Sample {
    /// The sample in the rules' words, sent by somebody on an issue that is there.
    pub fn event(&self) -> Event {
        let of_github = self.source == Source::Github;
        Event {
            source: self.source,
            name: self.event.clone(),
            action: self.action.clone(),
            number: (of_github && self.event != "push").then_some(1),
            on_pull_request: self.on_pull_request,
            label: self.label.clone(),
            sender: of_github.then(|| Sender {
                github_user_id: SOMEBODY,
                login: "somebody".into(),
                is_user: true,
            }),
            review_state: self.review_state.clone(),
            head: self.on_pull_request.then(|| Head {
                branch: "codex/issue-1".into(),
                is_ours: true,
            }),
            comment: self.comment.clone(),
            pushes_default_branch: self.pushes_default_branch,
            updated_at: Some("2000-01-01T00:00:00Z".into()),
            issue_text_sha256: Some(TEXT.into()),
            ..Event::default()
        }
    }

    /// What is taken for granted of a sample: somebody who may, a project that is not paused but as given, no live run, and
    /// one ended run of the stage that the sample is about, else of `dev`.
    pub fn facts(&self, paused: bool, models: Vec<String>) -> Facts {
        let gone = self.action == "unlabeled";
        let own = self.label.clone().filter(|_| !gone);
        let labels = self.labels.clone().unwrap_or_else(|| own.into_iter().collect());
        let label = self.label.as_deref().unwrap_or_default();
        let stage = label
            .strip_prefix(LABEL_PREFIX)
            .and_then(|stage| stage.strip_suffix(":revise"));
        let closed = ["closed", "deleted", "transferred"].contains(&self.action.as_str());
        Facts {
            binding: Binding::Bound { paused },
            own_github_user_id: None,
            sender: SenderFacts::Known {
                may_start: true,
                may_start_elevated: true,
            },
            live: None,
            past: vec![stage.unwrap_or("dev").to_owned()],
            models,
            host: Some(as_expected(!closed, self.on_pull_request, labels, Some(TEXT))),
        }
    }
}

/// The code host as an event expects it: the sender may write, and the issue is as the event says.
pub(super) fn as_expected(
    open: bool,
    is_pull_request: bool,
    labels: Vec<String>,
    text_sha256: Option<&str>,
) -> HostFacts {
    HostFacts {
        issue: Some(IssueFacts {
            open,
            is_pull_request,
            labels,
            text_sha256: text_sha256.unwrap_or_default().to_owned(),
            author_permission: HostPermission::None,
        }),
        permission: HostPermission::Write,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::rule::{Condition, seeded};
    use super::*;

    fn sample(event: &str, action: &str, label: Option<&str>) -> Sample {
        Sample {
            event: event.into(),
            action: action.into(),
            label: label.map(str::to_owned),
            ..Sample::default()
        }
    }

    #[test]
    fn the_seeded_rules_on_samples() {
        let labeled = |label| sample("issues", "labeled", Some(label));
        let two = Sample {
            labels: Some(vec!["run:dev".into(), "run:qa".into()]),
            ..labeled("run:dev")
        };
        let model = |model: &str| Sample {
            labels: Some(vec!["run:dev".into(), format!("[ai-model-{model}]")]),
            ..labeled("run:dev")
        };
        let samples = [
            labeled("run:dev"),
            labeled("run:dance"),
            labeled("bug"),
            two,
            model("gpt-6"),
            model("gpt-0"),
            sample("issues", "unlabeled", Some("run:dev")),
            sample("issues", "closed", None),
            sample("star", "created", None),
            Sample {
                source: Source::Internal,
                ..sample("run", "ended", None)
            },
        ];
        let mut table = String::new();
        for sample in samples {
            let facts = sample.facts(false, vec!["gpt-6".into()]);
            let trial = try_rules(&seeded(), &sample.event(), &facts);
            let what = (&sample.event, &sample.action, &sample.label, &sample.labels);
            let rule = trial.rule.map(|rule| seeded()[rule].act.act.clone());
            writeln!(
                table,
                "{what:?}\n    {rule:?} {} {:?} {:?}",
                trial.verdict, trial.reason, trial.start
            )
            .unwrap();
            writeln!(table, "    {}", trial.summary).unwrap();
        }
        insta::assert_snapshot!(table);
        let paused = labeled("run:dev");
        let trial = try_rules(&seeded(), &paused.event(), &paused.facts(true, Vec::new()));
        assert_eq!(trial.reason, Some("project_paused"));
    }

    #[test]
    fn a_rule_is_understood_or_refused() {
        let good = seeded().remove(0);
        assert_eq!(check_rule(&good), Ok(()));
        let unknown = serde_json::from_str::<Condition>(r#"{"moon": "full"}"#).unwrap();
        let bad = [
            Rule {
                event: "Issues!".into(),
                ..good.clone()
            },
            Rule {
                actions: vec![String::new()],
                ..good.clone()
            },
            Rule {
                condition: unknown,
                ..good.clone()
            },
            Rule {
                act: Act::named("dance"),
                ..good
            },
        ];
        for rule in bad {
            assert!(check_rule(&rule).is_err(), "{rule:?}");
        }
    }
}
