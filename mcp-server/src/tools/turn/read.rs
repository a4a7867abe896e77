//! A supervisor's words in the domain's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contract::runner::{self, Finish, FinishOutcome, ModelUsage};
use orchestrator::run::{Change, Failure, FailureReason, FinishReport, Snapshot, UsageReport};
use orchestrator::{Error, Result};

/// The report belongs to the caller's turn, whatever it says.
pub(super) fn usage(usage: ModelUsage) -> UsageReport {
    UsageReport {
        turn: 0,
        model: usage.model,
        requests: signed(usage.requests),
        input_tokens: signed(usage.input_tokens),
        cached_input_tokens: signed(usage.cached_input_tokens),
        output_tokens: signed(usage.output_tokens),
        reasoning_tokens: signed(usage.reasoning_tokens),
        cost_micro_usd: None,
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn snapshot(ask: runner::Snapshot) -> Result<Snapshot> {
    let data = STANDARD
        .decode(ask.data)
        .map_err(|error| Error::Invalid(format!("data is not base64: {error}")))?;
    Ok(Snapshot {
        session: ask.session,
        path: ask.path,
        sha256: ask.sha256,
        data,
    })
}

pub(super) fn report(ask: Finish) -> Result<FinishReport> {
    let failure = match ask.outcome {
        FinishOutcome::Succeeded => None,
        FinishOutcome::Failed => Some(Failure {
            reason: reason(ask.reason.as_deref())?,
            sub_reason: ask.sub_reason,
            detail: ask.detail,
        }),
    };
    let changes = ask.changed_paths.into_iter();
    Ok(FinishReport {
        failure,
        last_message: ask.last_message,
        base_sha: ask.base_sha,
        head_sha: ask.head_sha,
        changes: changes
            .map(|change| Change {
                path: change.path,
                change: change.change,
            })
            .collect(),
    })
}

fn reason(word: Option<&str>) -> Result<FailureReason> {
    word.and_then(FailureReason::parse).ok_or_else(|| {
        let known: Vec<_> = FailureReason::ALL.iter().map(|reason| reason.as_str()).collect();
        Error::Invalid(format!(
            "reason must be one of {} when the turn failed",
            known.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_needs_a_reason_of_the_closed_list() {
        assert_eq!(reason(Some("write_scope")).unwrap(), FailureReason::WriteScope);
        for bad in [None, Some("tired")] {
            let error = reason(bad).unwrap_err().to_string();
            assert!(
                error.starts_with("reason must be one of precondition, "),
                "{error}"
            );
        }
    }
}
