//! What starts a run: a stage's label, a wish for changes, a wish for a review.

use std::collections::BTreeSet;

use super::{
    Decision, EFFORT_LABEL, EFFORTS, Event, Facts, IssueFacts, LABEL_PREFIX, MODEL_LABEL, SenderFacts, Start,
    Step, Wants, ignore, person,
};
use crate::agent::{self, Stage};
use crate::ports::code_host::HostPermission;
use crate::run::RunKind;
use crate::trigger::reason::{ConflictReason, IgnoreReason};

/// What a label after `run:<stage>` asks for.
const REVISE_SUFFIX: &str = ":revise";
/// Reviews what no run of ours opened.
const REVIEWER: &str = "dev";

/// `run:<stage>` on an issue: begins the stage.
pub(super) fn work(event: &Event, facts: &Facts, paused: bool) -> Step<Decision> {
    let (kind, stage) = asked(event).ok_or(Decision::Ignore(IgnoreReason::UnknownLabel))?;
    if kind != RunKind::Work {
        return ignore(IgnoreReason::UnknownLabel);
    }
    if event.on_pull_request {
        return ignore(IgnoreReason::NotAnIssue);
    }
    readable(event)?;
    allowed(event, facts, stage.elevated, paused)?;
    let issue = seen(facts)?;
    if issue.is_pull_request {
        return ignore(IgnoreReason::NotAnIssue);
    }
    open(issue)?;
    same_text(event, issue)?;
    one_stage(event, issue)?;
    start(RunKind::Work, stage, issue, facts)
}

/// `run:<stage>:revise`, on the issue or on the pull request of its run: goes on with the stage's last session.
pub(super) fn revise(event: &Event, facts: &Facts, paused: bool) -> Step<Decision> {
    let (_, stage) = asked(event)
        .filter(|(kind, _)| *kind == RunKind::Revise)
        .ok_or(Decision::Ignore(IgnoreReason::UnknownLabel))?;
    readable(event)?;
    allowed(event, facts, stage.elevated, paused)?;
    let item = seen(facts)?;
    open(item)?;
    if !event.on_pull_request {
        same_text(event, item)?;
    }
    one_stage(event, item)?;
    if !facts.past.iter().any(|past| past == stage.name) {
        return ignore(IgnoreReason::NothingToContinue);
    }
    start(RunKind::Revise, stage, item, facts)
}

/// A review that wants changes: the stage that made the pull request goes on. What people opened is people's.
pub(super) fn after_review(event: &Event, facts: &Facts, paused: bool) -> Step<Decision> {
    if event.number.is_none() || event.review_id.is_none() {
        return ignore(IgnoreReason::Unreadable);
    }
    let stages: Vec<_> = facts.past.iter().filter_map(|past| agent::stage(past)).collect();
    let Some(newest) = stages.first() else {
        return ignore(IgnoreReason::NothingToContinue);
    };
    allowed(event, facts, stages.iter().any(|stage| stage.elevated), paused)?;
    let item = seen(facts)?;
    open(item)?;
    if facts.live.as_ref().is_some_and(|live| live.gathers) {
        return Ok(Decision::Join);
    }
    if stages.len() > 1 {
        return Err(Decision::Conflict(ConflictReason::StageUnclear));
    }
    start(RunKind::Revise, newest, item, facts)
}

/// A label on a pull request that asks for a review of it.
pub(super) fn review(event: &Event, facts: &Facts, paused: bool) -> Step<Decision> {
    readable(event)?;
    let head = event
        .head
        .as_ref()
        .ok_or(Decision::Ignore(IgnoreReason::Unreadable))?;
    let past = facts.past.first().map_or(REVIEWER, String::as_str);
    let stage = agent::stage(past).ok_or(Decision::Ignore(IgnoreReason::UnknownLabel))?;
    allowed(event, facts, stage.elevated, paused)?;
    let item = seen(facts)?;
    open(item)?;
    if !head.is_ours {
        return ignore(IgnoreReason::ForeignHead);
    }
    same_text(event, item)?;
    start(RunKind::Review, stage, item, facts)
}

fn start(kind: RunKind, stage: &Stage, item: &IssueFacts, facts: &Facts) -> Step<Decision> {
    let model = choice(item, MODEL_LABEL, ConflictReason::ModelConflict)?;
    if model.as_ref().is_some_and(|model| !facts.models.contains(model)) {
        return ignore(IgnoreReason::UnknownModel);
    }
    let effort = choice(item, EFFORT_LABEL, ConflictReason::EffortConflict)?;
    if effort
        .as_ref()
        .is_some_and(|effort| !EFFORTS.contains(&effort.as_str()))
    {
        return ignore(IgnoreReason::UnknownEffort);
    }
    Ok(Decision::Start(Start {
        kind,
        stage: stage.name.to_owned(),
        model,
        effort,
    }))
}

/// What a label `run:…` asks for.
pub(super) fn asked(event: &Event) -> Option<(RunKind, &'static Stage)> {
    let name = event.label.as_deref()?.strip_prefix(LABEL_PREFIX)?;
    match name.strip_suffix(REVISE_SUFFIX) {
        Some(name) => Some((RunKind::Revise, agent::stage(name)?)),
        None => Some((RunKind::Work, agent::stage(name)?)),
    }
}

fn readable(event: &Event) -> Step<()> {
    if event.number.is_none() || event.updated_at.is_none() {
        return ignore(IgnoreReason::Unreadable);
    }
    Ok(())
}

/// A person who may, in a project that goes on. What the code host says is asked after this.
fn allowed(event: &Event, facts: &Facts, elevated: bool, paused: bool) -> Step<()> {
    person(event)?;
    match facts.sender {
        SenderFacts::Unknown => return ignore(IgnoreReason::UnknownSender),
        SenderFacts::Disabled => return ignore(IgnoreReason::SenderDisabled),
        SenderFacts::Known {
            may_start,
            may_start_elevated,
        } => {
            let may = if elevated { may_start_elevated } else { may_start };
            if !may {
                return ignore(IgnoreReason::NotPermitted);
            }
        }
    }
    if paused {
        return ignore(IgnoreReason::ProjectPaused);
    }
    Ok(())
}

/// The issue or pull request as the code host shows it to somebody with write permission.
fn seen(facts: &Facts) -> Step<&IssueFacts> {
    let host = facts.host.as_ref().ok_or(Decision::Look(Wants {
        issue: true,
        permission: true,
    }))?;
    let item = host
        .issue
        .as_ref()
        .ok_or(Decision::Ignore(IgnoreReason::IssueGone))?;
    if host.permission < HostPermission::Write {
        return ignore(IgnoreReason::NoWritePermission);
    }
    Ok(item)
}

fn open(item: &IssueFacts) -> Step<()> {
    if item.open {
        Ok(())
    } else {
        ignore(IgnoreReason::IssueClosed)
    }
}

/// Only the author and people with write can edit an issue, so the text of an author with write is never theirs who have
/// none.
fn same_text(event: &Event, item: &IssueFacts) -> Step<()> {
    let same = event.issue_text_sha256.as_deref() == Some(&item.text_sha256);
    if !same && item.author_permission < HostPermission::Write {
        return ignore(IgnoreReason::BodyChanged);
    }
    Ok(())
}

/// Two stages asked for at once are none.
fn one_stage(event: &Event, item: &IssueFacts) -> Step<()> {
    let labels = item.labels.iter().map(String::as_str);
    let mut stages: BTreeSet<&str> = labels.filter(|label| label.starts_with(LABEL_PREFIX)).collect();
    // The label that fired counts even when it is gone again: the payload is signed.
    stages.extend(event.label.as_deref());
    if stages.len() > 1 {
        return Err(Decision::Conflict(ConflictReason::LabelConflict));
    }
    Ok(())
}

/// The one label `[prefix…]`, if there is one.
fn choice(item: &IssueFacts, prefix: &str, conflict: ConflictReason) -> Step<Option<String>> {
    let chosen = item
        .labels
        .iter()
        .filter_map(|label| label.strip_prefix(prefix)?.strip_suffix(']'));
    let mut chosen: Vec<_> = chosen.map(str::to_owned).collect();
    match chosen.len() {
        0 | 1 => Ok(chosen.pop()),
        _ => Err(Decision::Conflict(conflict)),
    }
}
