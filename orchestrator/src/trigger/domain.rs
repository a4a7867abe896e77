//! The decision: rules, an event and facts in; what to do, or why not, out.

use super::reason::{ConflictReason, IgnoreReason};
use super::rule::{Act, Rule, Source};
use crate::ports::code_host::HostPermission;
use crate::run::RunKind;

/// Labels of this form start stages.
pub const LABEL_PREFIX: &str = "run:";
const MODEL_LABEL: &str = "[ai-model-";
const EFFORT_LABEL: &str = "[ai-reasoning-";
/// How hard a model may be asked to think.
pub const EFFORTS: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];

/// Events that one another caused, at most: a chain that goes on is a circle.
pub const MAX_CAUSE_DEPTH: i32 = 5;

/// An event in the rules' words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub source: Source,
    /// How many events of the platform led to it; 0 for what people do.
    pub cause_depth: i32,
    pub name: String,
    /// Empty where the event has none.
    pub action: String,
    pub number: Option<i64>,
    pub on_pull_request: bool,
    pub label: Option<String>,
    pub sender: Option<Sender>,
    pub review_id: Option<i64>,
    pub review_state: Option<String>,
    /// Of a pull request.
    pub head: Option<Head>,
    pub comment: Option<String>,
    pub pushes_default_branch: bool,
    /// The host's moment of the issue, as the payload has it.
    pub updated_at: Option<String>,
    /// Of the issue's or pull request's title and body, as the payload has them.
    pub issue_text_sha256: Option<String>,
    /// The same before the edit that the event is about; none if it is about no edit of title or body.
    pub issue_text_sha256_before: Option<String>,
}

/// Where the change of a pull request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub branch: String,
    /// In the repository itself, not in a fork.
    pub is_ours: bool,
}

/// The account that caused an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub github_user_id: i64,
    pub login: String,
    /// A person's account, not a bot's or an organisation's.
    pub is_user: bool,
}

/// What is known beside the event.
#[derive(Clone, Debug)]
pub struct Facts {
    pub binding: Binding,
    /// The account our own App acts as.
    pub own_github_user_id: Option<i64>,
    pub sender: SenderFacts,
    /// The run that is live on the issue or pull request.
    pub live: Option<LiveRun>,
    /// Stages of ended runs of it that can be gone on with, the newest first.
    pub past: Vec<String>,
    /// Models of the catalogue.
    pub models: Vec<String>,
    /// None: not looked yet.
    pub host: Option<HostFacts>,
}

/// Whose repository it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The event is about none.
    NoRepository,
    NotBound,
    Detached,
    /// GitHub does not let our App in.
    Suspended,
    Bound {
        paused: bool,
    },
}

/// What the platform knows of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderFacts {
    Unknown,
    Disabled,
    Known {
        may_start: bool,
        may_start_elevated: bool,
    },
}

/// A run that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRun {
    pub stage: String,
    pub kind: RunKind,
    /// It did not begin yet, and reads what is said until then.
    pub gathers: bool,
    /// Its work is pushed and being verified.
    pub finishing: bool,
}

/// How it looks at the code host now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// None: it is gone.
    pub issue: Option<IssueFacts>,
    /// What the sender may do in the repository.
    pub permission: HostPermission,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueFacts {
    pub open: bool,
    pub is_pull_request: bool,
    pub labels: Vec<String>,
    pub text_sha256: String,
    /// What the author may do in the repository.
    pub author_permission: HostPermission,
}

/// What must be read at the code host before it can be decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    pub issue: bool,
    /// The sender's permission, and the author's.
    pub permission: bool,
}

/// What to make of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Ignore(IgnoreReason),
    Conflict(ConflictReason),
    /// Nothing starts from it; what it says was noted.
    Record,
    /// Look at the code host, then decide again.
    Look(Wants),
    Start(Start),
    /// The run that is about to begin reads it too.
    Join,
    /// End the live run; the text says why.
    End(&'static str),
    /// Somebody who may start runs edited the issue's text: what was trusted before the edit is trusted after it.
    TrustText,
}

/// A run to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub kind: RunKind,
    pub stage: String,
    pub model: Option<String>,
    pub effort: Option<String>,
}

/// Decides. Asked without [`Facts::host`], it answers [`Decision::Look`] only for an event that the platform itself
/// finds nothing against: so nothing outward happens for the others.
pub fn decide(rules: &[Rule], event: &Event, facts: &Facts) -> Decision {
    decided(rules, event, facts).unwrap_or_else(|refused| refused)
}

/// Both sides are decisions; the error is the early one.
type Step<T> = Result<T, Decision>;

fn decided(rules: &[Rule], event: &Event, facts: &Facts) -> Step<Decision> {
    let own = facts.own_github_user_id;
    if own.is_some() && event.sender.as_ref().map(|sender| sender.github_user_id) == own {
        return ignore(IgnoreReason::OwnEvent);
    }
    let paused = match facts.binding {
        Binding::NoRepository => return ignore(IgnoreReason::NoRule),
        Binding::NotBound => return ignore(IgnoreReason::NotBound),
        Binding::Detached => return ignore(IgnoreReason::Detached),
        Binding::Suspended => return ignore(IgnoreReason::Suspended),
        Binding::Bound { paused } => paused,
    };
    if event.cause_depth > MAX_CAUSE_DEPTH {
        return ignore(IgnoreReason::TooDeep);
    }
    let Some(rule) = rules.iter().find(|rule| rule.matches(event)) else {
        return if event.number.is_some() {
            Ok(Decision::Record)
        } else {
            ignore(IgnoreReason::NoRule)
        };
    };
    match rule.act.act.as_str() {
        Act::START_RUN => start::work(event, facts, paused),
        Act::REVISE_RUN => start::revise(event, facts, paused),
        Act::REVISE_AFTER_REVIEW => start::after_review(event, facts, paused),
        Act::REVIEW => start::review(event, facts, paused),
        Act::END_RUN => end(event, facts),
        Act::TRUST_TEXT => trust_text(event, facts),
        Act::COMMAND if event.action == "edited" => ignore(IgnoreReason::EditedComment),
        _ => {
            if event.source == Source::Github {
                person(event)?;
            }
            ignore(IgnoreReason::NotAvailableYet)
        }
    }
}

fn end(event: &Event, facts: &Facts) -> Step<Decision> {
    if event.number.is_none() {
        return ignore(IgnoreReason::Unreadable);
    }
    let by_label = event.action == "unlabeled";
    if by_label {
        person(event)?;
    }
    let live = facts
        .live
        .as_ref()
        .ok_or(Decision::Ignore(IgnoreReason::NothingToEnd))?;
    if by_label && event.label != Some(live.kind.label(&live.stage)) {
        return ignore(IgnoreReason::OtherStage);
    }
    if live.finishing {
        return ignore(IgnoreReason::Finishing);
    }
    let host = facts.host.as_ref().ok_or(Decision::Look(Wants {
        issue: true,
        permission: false,
    }))?;
    let Some(issue) = &host.issue else {
        return Ok(Decision::End("the issue is gone"));
    };
    if by_label
        && issue
            .labels
            .iter()
            .any(|label| Some(label) == event.label.as_ref())
    {
        return ignore(IgnoreReason::MovedOn);
    }
    if !by_label && issue.open {
        return ignore(IgnoreReason::MovedOn);
    }
    Ok(Decision::End(match (by_label, event.on_pull_request) {
        (true, _) => "its label was removed",
        (false, false) => "the issue was closed",
        (false, true) => "the pull request was closed",
    }))
}

/// A text edited by somebody who may not start the run changes nothing here: the run finds it out at its start.
fn trust_text(event: &Event, facts: &Facts) -> Step<Decision> {
    let may_start = matches!(facts.sender, SenderFacts::Known { may_start: true, .. });
    let edit = event.issue_text_sha256_before.is_some();
    if !edit || facts.live.is_none() || !may_start || person(event).is_err() {
        return Ok(Decision::Record);
    }
    let host = facts.host.as_ref().ok_or(Decision::Look(Wants {
        issue: true,
        permission: true,
    }))?;
    if host.permission < HostPermission::Write || host.issue.is_none() {
        return Ok(Decision::Record);
    }
    Ok(Decision::TrustText)
}

/// Requires that a person's account sent it.
fn person(event: &Event) -> Step<()> {
    match &event.sender {
        Some(sender) if sender.is_user => Ok(()),
        Some(_) => Err(Decision::Ignore(IgnoreReason::Bot)),
        None => Err(Decision::Ignore(IgnoreReason::NoSender)),
    }
}

fn ignore<T>(reason: IgnoreReason) -> Step<T> {
    Err(Decision::Ignore(reason))
}

mod start;
#[cfg(test)]
mod tests;
