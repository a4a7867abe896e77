//! Why an event started nothing: a closed list, each with the sentence a person reads and what to do next.

use crate::actor::words;

/// Why an event was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IgnoreReason {
    Unreadable,
    NoRule,
    OwnEvent,
    Bot,
    NoSender,
    UnknownSender,
    SenderDisabled,
    NotPermitted,
    NoWritePermission,
    NotBound,
    Detached,
    Suspended,
    ProjectPaused,
    UnknownLabel,
    NotAvailableYet,
    NotAnIssue,
    IssueGone,
    IssueClosed,
    MovedOn,
    BodyChanged,
    EditedComment,
    UnknownModel,
    UnknownEffort,
    AlreadyUsed,
    TooDeep,
    NothingToEnd,
    Finishing,
    OtherStage,
    NothingToContinue,
    ForeignHead,
}

words!(IgnoreReason: Unreadable = "unreadable", NoRule = "no_rule", OwnEvent = "own_event", Bot = "bot",
    NoSender = "no_sender", UnknownSender = "unknown_sender", SenderDisabled = "sender_disabled",
    NotPermitted = "not_permitted", NoWritePermission = "no_write_permission", NotBound = "not_bound",
    Detached = "detached", Suspended = "suspended", ProjectPaused = "project_paused", UnknownLabel = "unknown_label",
    NotAvailableYet = "not_available_yet", NotAnIssue = "not_an_issue", IssueGone = "issue_gone",
    IssueClosed = "issue_closed", MovedOn = "moved_on", BodyChanged = "body_changed",
    EditedComment = "edited_comment", UnknownModel = "unknown_model", UnknownEffort = "unknown_effort",
    AlreadyUsed = "already_used", TooDeep = "too_deep", NothingToEnd = "nothing_to_end", Finishing = "finishing",
    OtherStage = "other_stage", NothingToContinue = "nothing_to_continue", ForeignHead = "foreign_head");

/// Why an event that should have started a run could not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConflictReason {
    LabelConflict,
    ModelConflict,
    EffortConflict,
    LiveRunExists,
    StageUnclear,
}

words!(ConflictReason: LabelConflict = "label_conflict", ModelConflict = "model_conflict",
    EffortConflict = "effort_conflict", LiveRunExists = "live_run_exists", StageUnclear = "stage_unclear");

/// What happened, and what a person can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    pub sentence: &'static str,
    pub next: &'static str,
}

fn words(sentence: &'static str, next: &'static str) -> Words {
    Words { sentence, next }
}

impl IgnoreReason {
    #[expect(clippy::too_many_lines, reason = "one table")]
    pub fn explain(self) -> Words {
        use IgnoreReason as R;
        const NOTHING: &str = "Nothing needs to be done.";
        match self {
            R::Unreadable => words(
                "The delivery was signed, but what a rule needs could not be read from it.",
                "Look at its payload: if GitHub changed its format, report it; otherwise label the issue again.",
            ),
            R::NoRule => words("No rule of the project names this event.", NOTHING),
            R::OwnEvent => words(
                "The platform's own App caused this event; its echo starts nothing.",
                NOTHING,
            ),
            R::Bot => words(
                "The event was sent by a bot, and only a person may start or end a run.",
                "A person removes the label and adds it again.",
            ),
            R::NoSender => words(
                "The event names no sender, so nobody can be asked for the right to start it.",
                "A person removes the label and adds it again.",
            ),
            R::UnknownSender => words(
                "The sender's GitHub account is not known to the platform.",
                "An administrator adds the person to the project; then the label is removed and added again.",
            ),
            R::SenderDisabled => words(
                "The sender's account on the platform is disabled.",
                "Somebody else removes the label and adds it again.",
            ),
            R::NotPermitted => words(
                "The sender's role in the project does not allow starting this stage.",
                "Somebody whose role allows it removes the label and adds it again, or the role is changed first.",
            ),
            R::NoWritePermission => words(
                "The sender has no write permission to the repository at GitHub now.",
                "Give the person write permission at GitHub, or let somebody who has it add the label again.",
            ),
            R::NotBound => words(
                "The repository belongs to no project of the platform.",
                "Attach the repository to a project; then label the issue again.",
            ),
            R::Detached => words(
                "The repository was detached from its project.",
                "Attach the repository again; then label the issue again.",
            ),
            R::Suspended => words(
                "GitHub does not let the platform's App work in the repository: it was removed or suspended there, or the \
                 repository was archived or deleted.",
                "Ask repository_preflight what to mend at GitHub; then remove the label and add it again.",
            ),
            R::ProjectPaused => words(
                "The project is paused, and nothing starts in a paused project.",
                "Resume the project; then remove the label and add it again.",
            ),
            R::UnknownLabel => words(
                "The label begins with run: but names no stage of the platform.",
                "Use run: with one of intake, vision, prd, arch, design, plan, dev, doc-audit, qa, release, postdeploy, \
                 ops, self-improve.",
            ),
            R::NotAvailableYet => words(
                "A rule matches, but what it asks for is not built in this version.",
                "Nothing to do until an upgrade brings it.",
            ),
            R::NotAnIssue => words(
                "Stages are started on issues; this label is on a pull request.",
                "Put the label on the issue instead.",
            ),
            R::IssueGone => words(
                "GitHub knows no such issue any more.",
                "Nothing to do: it was deleted or moved.",
            ),
            R::IssueClosed => words(
                "The issue is closed, and a closed issue starts nothing.",
                "Reopen the issue, remove the label and add it again.",
            ),
            R::MovedOn => words(
                "When the event was worked on, the issue had changed again, so the event no longer says how it is.",
                NOTHING,
            ),
            R::BodyChanged => words(
                "The issue's text changed after the label was added, and its author has no write permission.",
                "Read the text again; if it is fine, remove the label and add it again.",
            ),
            R::EditedComment => words(
                "A comment was edited; only a new comment is a command.",
                "Write the command as a new comment.",
            ),
            R::UnknownModel => words(
                "The issue's [ai-model-…] label names a model that is not in the catalogue.",
                "Use the label of a known model, or have the model added; then add the run label again.",
            ),
            R::UnknownEffort => words(
                "The issue's [ai-reasoning-…] label names no known effort.",
                "Use none, minimal, low, medium, high or xhigh; then add the run label again.",
            ),
            R::AlreadyUsed => words(
                "This very labelling has already started a run; each starts one, for ever.",
                "To run again, remove the label and add it again.",
            ),
            R::NothingToEnd => words(
                "No run was live on it that was not being ended already, so there was nothing to end.",
                NOTHING,
            ),
            R::TooDeep => words(
                "Events of the platform had caused one another too often in a row; the chain ends here.",
                "Look which rules set each other off, and start the next stage by hand.",
            ),
            R::Finishing => words(
                "The live run is finishing: its work is pushed and being verified, so it can no longer be stopped.",
                "Wait for its end; if its work is not wanted, close its pull request.",
            ),
            R::OtherStage => words(
                "The removed label names another stage than the live run's, so the run goes on.",
                "To stop the live run, remove its own label or cancel it.",
            ),
            R::NothingToContinue => words(
                "No run of that stage has ended here and left work or a session, so there is nothing to go on with.",
                "Start the stage with its own label run:<stage> on the issue.",
            ),
            R::ForeignHead => words(
                "The pull request comes from another repository, whose code the platform's agents do not check out.",
                "Review it by hand, or bring its commits to a branch of this repository.",
            ),
        }
    }
}

impl ConflictReason {
    pub fn explain(self) -> Words {
        match self {
            Self::LabelConflict => words(
                "More than one run: label is on the issue, so it is not clear which stage should start.",
                "Remove all but one of them; then remove that one and add it again.",
            ),
            Self::ModelConflict => words(
                "More than one [ai-model-…] label is on the issue.",
                "Leave one; then remove the run label and add it again.",
            ),
            Self::EffortConflict => words(
                "More than one [ai-reasoning-…] label is on the issue.",
                "Leave one; then remove the run label and add it again.",
            ),
            Self::LiveRunExists => words(
                "A run is live on this issue, and there is one at a time.",
                "Wait for it to end or cancel it; then remove the label and add it again.",
            ),
            Self::StageUnclear => words(
                "More than one stage has worked on this pull request, so it is not clear which one should go on.",
                "Put the label run:<stage>:revise of the stage that should on the issue.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn every_reason_says_what_to_do() {
        let ignored = IgnoreReason::ALL
            .iter()
            .map(|reason| (reason.as_str(), reason.explain()));
        let conflicts = ConflictReason::ALL
            .iter()
            .map(|reason| (reason.as_str(), reason.explain()));
        let mut table = String::new();
        for (reason, words) in ignored.chain(conflicts) {
            writeln!(table, "{reason}: {}\n    {}", words.sentence, words.next).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
