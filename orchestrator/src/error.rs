//! The one error of all services. Each edge translates it once: HTTP, MCP tool, job.

use std::fmt;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments make no sense; the text names the field and says what would.
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unauthenticated(String),
    #[error("{0}")]
    Forbidden(String),
    /// Allowed, but for so sensitive an act the sign-in behind the call is too old.
    #[error("{0}")]
    StaleLogin(String),
    /// No such thing, or not the asker's to see: the two are never told apart.
    #[error("there is no {what} {id} that you may see")]
    NotFound { what: &'static str, id: String },
    /// The state does not allow it now.
    #[error("{0}")]
    Conflict(String),
    /// The caller's (run, turn, fence) is over.
    #[error("this turn of the run is over; nothing it sends counts any more, so stop working")]
    StaleTurn,
    #[error("the object changed since it was read; read it again and repeat the call")]
    StaleVersion,
    #[error("this idempotency_key was used with other arguments; take a new key for a new call")]
    IdempotencyMismatch,
    /// Something that must hold first does not.
    #[error("{0}")]
    Precondition(String),
    #[error("{0}")]
    Capacity(String),
    #[error("{0}")]
    Budget(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{message}")]
    RateLimited { message: String, retry_after_ms: u64 },
    /// A part we depend on is away; later may help.
    #[error("{0}")]
    Unavailable(String),
    /// A defect of ours. Its text never leaves the process but in logs.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A `NotFound` of this thing.
    pub fn not_found(what: &'static str, id: impl fmt::Display) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
        }
    }

    /// An `Internal` out of any cause.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The text for others than our own logs: a defect says nothing of what is inside.
    pub fn told(&self) -> String {
        match self {
            Self::Internal(_) => "a defect of the platform; its log says more".into(),
            other => other.to_string(),
        }
    }

    /// Whether asking again later may help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Unavailable(_) | Self::Internal(_)
        )
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self::Unavailable("the database does not answer; try again in some seconds".into())
            }
            // Class 57: the server is shutting down or starting; 40: a deadlock or serialization loser;
            // 55P03: a lock was not to be had in time.
            sqlx::Error::Database(ref cause)
                if cause.code().is_some_and(|code| {
                    code.starts_with("57") || code.starts_with("40") || code == "55P03"
                }) =>
            {
                Self::Unavailable("the database asks to try again".into())
            }
            other => Self::internal(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn a_defect_is_told_to_nobody() {
        let defect = Error::internal("relation \"runs\" does not exist");
        assert!(!defect.told().contains("runs"), "{}", defect.told());
        assert_eq!(Error::Conflict("it is over".into()).told(), "it is over");
    }
}
