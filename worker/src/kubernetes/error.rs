//! Kubernetes' refusals in the port's two words.

use kube::core::Status;
use orchestrator::ports::cluster::ClusterError;

/// Longest text of the cluster that we pass on, in characters.
const MAX_TEXT: usize = 500;

/// Says whether asking again can help.
pub(super) fn classify(what: &str, error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => of_status(what, status, &status.message),
        other => ClusterError::Unavailable(shorten(&format!("{what}: {other}"))),
    }
}

/// As [`classify`], without the cluster's own text: a complaint about a Secret may quote it.
pub(super) fn classify_silently(what: &str, error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => of_status(what, status, "the text is withheld, it may quote a secret"),
        _ => ClusterError::Unavailable(format!("{what}: no readable answer")),
    }
}

fn of_status(what: &str, status: &Status, text: &str) -> ClusterError {
    let text = shorten(&format!("{what}: {} {}: {text}", status.code, status.reason));
    if may_help_later(status) {
        ClusterError::Unavailable(text)
    } else {
        ClusterError::Refused(text)
    }
}

fn may_help_later(status: &Status) -> bool {
    match status.code {
        // 401: the account's token is being rotated, or the platform's own set-up is wrong; no fault of the runner.
        401 | 408 | 410 | 429 => true,
        403 => has_cause(status, "NamespaceTerminating"),
        // A write that raced another one, unless another manager owns the field and keeps it.
        409 => !has_cause(status, "FieldManagerConflict"),
        400..500 => false,
        _ => true,
    }
}

fn has_cause(status: &Status, reason: &str) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == reason))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn refused(status: Status) -> bool {
        matches!(
            classify("apply", &kube::Error::Api(status.boxed())),
            ClusterError::Refused(_)
        )
    }

    fn with_cause(code: u16, cause: &str) -> Status {
        let cause = StatusCause {
            reason: cause.to_owned(),
            message: String::new(),
            field: String::new(),
        };
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: vec![cause],
            retry_after_seconds: 0,
        };
        Status::failure("no", "Because")
            .with_code(code)
            .with_details(details)
    }

    #[test]
    fn what_will_never_work_is_told_from_what_may_work_later() {
        let plain = |code| refused(Status::failure("no", "Because").with_code(code));
        for code in [400, 403, 404, 405, 413, 415, 422] {
            assert!(plain(code), "{code} is refused");
        }
        for code in [401, 408, 409, 410, 429, 500, 502, 503, 504] {
            assert!(!plain(code), "{code} may work later");
        }
        assert!(refused(with_cause(409, "FieldManagerConflict")));
        assert!(!refused(with_cause(403, "NamespaceTerminating")));
    }

    #[test]
    fn a_secret_is_never_quoted() {
        let status = Status::failure("Invalid value: \"s3cr3t\"", "Invalid").with_code(422);
        let error = classify_silently("apply Secret", &kube::Error::Api(status.boxed()));
        assert!(
            matches!(&error, ClusterError::Refused(text) if !text.contains("s3cr3t")),
            "{error}"
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = shorten(&"ä".repeat(MAX_TEXT + 1));
        assert_eq!(cut.chars().count(), MAX_TEXT + 1);
    }
}
