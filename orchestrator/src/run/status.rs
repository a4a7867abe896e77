//! What people at the issue read about a run. Pure text.

use std::fmt::Write;

use super::aggregate::Run;
use super::domain::{Failure, FailureReason, RunState};
use super::kind::RunKind;
use crate::effect::domain::{TextFault, check_text};

/// The text of the status comment, or none where there is nothing new to say. The hidden marker is the effect's.
pub(super) fn status_comment(run: &Run) -> Option<String> {
    let stage = run.kind.title(&run.stage);
    let head = match &run.state {
        RunState::Queued if run.turn == 0 => {
            format!("**`{stage}` is queued.** It starts when a slot is free.")
        }
        RunState::Queued => format!("**`{stage}` goes on soon.** Its question was answered."),
        RunState::Running { .. } => format!("**`{stage}` is running** (turn {}).", run.turn),
        RunState::Waiting => format!("**`{stage}` waits for an answer.**"),
        RunState::Succeeded => match (&run.pull_request_url, run.pull_request_number) {
            (Some(url), Some(number)) => format!("**`{stage}` is done:** [#{number}]({url})"),
            _ => format!("**`{stage}` is done.**"),
        },
        RunState::Failed(failure) => {
            // The runner's word for the case: one line.
            let case = fit_to_leave(&failure.to_string().replace(char::is_control, " "));
            format!("**`{stage}` failed** ({case}). {}", advice(failure))
        }
        RunState::TimedOut => format!(
            "**`{stage}` was stopped:** its {} seconds of active time are used up.",
            run.active_seconds_limit
        ),
        RunState::Cancelled => format!("**`{stage}` was cancelled.**"),
        RunState::Admitted { .. }
        | RunState::Starting { .. }
        | RunState::Finishing
        | RunState::Cancelling => {
            return None;
        }
    };
    let mut text = head;
    if let RunState::Failed(Failure {
        detail: Some(detail), ..
    }) = &run.state
    {
        let _ = write!(text, "\n\n> {}", fit_to_leave(detail));
    }
    if let (true, Some(message)) = (run.state.is_over(), &run.last_message) {
        let _ = write!(
            text,
            "\n\n<details><summary>The agent's last message</summary>\n\n> {}\n\n</details>",
            fit_to_leave(message)
        );
    }
    let _ = write!(text, "\n\n<sub>run `{}`</sub>", run.run_id);
    Some(text)
}

/// What comes and goes at the issue when a run is over.
pub(super) fn state_labels(run: &Run) -> Option<(Vec<String>, Vec<String>)> {
    let trigger = run.kind.label(&run.stage);
    if run.kind == RunKind::Review {
        // What the pull request's own stage came to is not the review's to say.
        return run.state.is_over().then(|| (vec![], vec![trigger]));
    }
    let stage = &run.stage;
    let (done, failed) = (format!("state:{stage}-done"), format!("state:{stage}-failed"));
    match run.state {
        RunState::Succeeded => Some((vec![done], vec![trigger, failed])),
        RunState::Failed(_) | RunState::TimedOut => Some((vec![failed], vec![trigger, done])),
        RunState::Cancelled => Some((vec![], vec![trigger])),
        _ => None,
    }
}

/// What a person can do about a failure.
pub fn advice(failure: &Failure) -> &'static str {
    match (failure.reason, failure.sub_reason.as_deref()) {
        (FailureReason::Precondition, Some("body_changed")) => {
            "The issue's text was changed by someone without write permission after the label was set: read it, \
             then set the label again."
        }
        (FailureReason::Precondition, Some("branch_moved")) => {
            "Somebody pushed to the run's branch meanwhile: look at it, then set the label again."
        }
        (FailureReason::Precondition, Some("agents_file" | "agents_file_unreadable")) => {
            "Correct .codex-k8s/agents.yaml on the default branch, then set the label again."
        }
        (FailureReason::Precondition, Some("model_not_allowed")) => {
            "Choose a model that .codex-k8s/agents.yaml on the default branch allows, then set the label again."
        }
        (FailureReason::Precondition, _) => "Something that must hold first does not; see the detail.",
        (FailureReason::Environment, Some("oom")) => "Give the agent's profile more memory, then retry.",
        (FailureReason::Environment, _) => {
            "The place to work in failed; retry, and if it repeats, ask the operators."
        }
        (FailureReason::StartTimeout, _) => {
            "The pod did not start in time; `run_explain` says what it waited for."
        }
        (FailureReason::PodLost, _) => "The pod was lost; retry.",
        (FailureReason::AgentError, _) => "The agent's program failed; its log says why.",
        (FailureReason::OutputInvalid, Some("no_change")) => {
            "The agent changed nothing: say more precisely what is wanted, then set the label again."
        }
        (FailureReason::OutputInvalid, _) => "The result is not what the profile asks for; see the detail.",
        (FailureReason::WriteScope, _) => {
            "The agent changed paths its profile does not allow; nothing was pushed."
        }
        (FailureReason::ProviderDenied, _) => {
            "GitHub refuses what the run needs: check the App's permissions."
        }
        (FailureReason::ModelAuth, _) => {
            "The model's provider refuses the key: ask the operators to renew it."
        }
        (FailureReason::Budget, Some("run_cost")) => {
            "The run's own limit of cost is spent: let an admin raise run_cost_micro_usd with project_update, then retry; \
             a run that still runs is given more with run_limit_raise."
        }
        (FailureReason::Budget, Some("active_seconds")) => {
            "Its active time is used up: retry, and give the new run more in time with run_limit_raise."
        }
        (FailureReason::Budget, _) => {
            "The project's budget is spent: let an admin raise it with project_update, or wait for the next month."
        }
        (FailureReason::Internal, _) => {
            "This is a defect of the platform; the operators can find it by the run's id."
        }
    }
}

/// Text of agents and models: what looks like a credential stays here, as in every other text that is written outward.
fn fit_to_leave(text: &str) -> String {
    match check_text(text) {
        Err(TextFault::Secret(kind)) => format!("(left out: it seems to hold a credential, {kind})"),
        _ => quoted(text),
    }
}

/// Text of agents and models, as a quotation: it cannot leave it, mention people or hide.
fn quoted(text: &str) -> String {
    let shown: String = text
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(2000)
        .collect();
    shown
        .trim()
        .replace('@', "@\u{200b}")
        .replace("<!--", "<\u{200b}!--")
        .replace('\n', "\n> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_stays_here() {
        let token = format!("the token is ghs_{}", "a".repeat(36));
        let shown = fit_to_leave(&token);
        assert!(!shown.contains("ghs_"), "{shown}");
        assert!(shown.contains("left out"), "{shown}");
        assert_eq!(fit_to_leave("all\nwell"), "all\n> well");
    }
}
