//! The ports' refusals in the words of a job: what is tried again, and when.

use orchestrator::Error;
use orchestrator::ports::{ClusterError, CodeHostError};

/// A read of the code host that failed.
pub(super) fn of_code_host(error: CodeHostError) -> Error {
    match error {
        CodeHostError::RateLimited { retry_after, message } => Error::RateLimited {
            message,
            retry_after_ms: u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX),
        },
        CodeHostError::Ambiguous(why) | CodeHostError::Unavailable(why) => Error::Unavailable(why),
        CodeHostError::NotFound(what) => Error::NotFound {
            what: "such thing at the code host:",
            id: what,
        },
        refused @ CodeHostError::Refused { .. } => Error::Precondition(refused.to_string()),
    }
}

/// A call to the cluster that failed.
pub(super) fn of_cluster(error: ClusterError) -> Error {
    match error {
        ClusterError::Refused(why) => Error::Precondition(why),
        ClusterError::Unavailable(why) => Error::Unavailable(why),
    }
}
