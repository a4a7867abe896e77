//! From a delivery to its verdict: the payload is a hint, the code host is asked what is true now.

use async_trait::async_trait;
use orchestrator::delivery::jobs::ProcessDelivery;
use orchestrator::delivery::{self, Examined, HostRead, Look, Verdict};
use orchestrator::error::{Error, Result};
use orchestrator::ports::CodeHostError;
use orchestrator::ports::code_host::{HostAccount, HostIssue, HostPermission, RepositoryRef};
use orchestrator::queue::{Attempt, Done, Perform};

use super::failure::of_code_host;
use crate::Hands;

/// A defect of ours that shows so often does not go away by itself.
const DEFECTS: i32 = 25;

#[async_trait]
impl Perform<ProcessDelivery> for Hands {
    async fn perform(&self, job: ProcessDelivery, attempt: Attempt) -> Result<Done> {
        match self.process(job).await {
            Ok(_) => Ok(Done::Done),
            Err(error) => {
                let defect = matches!(error, Error::Internal(_)) && attempt.number >= DEFECTS;
                let last = attempt.last || defect || !error.is_transient();
                delivery::attempt_failed(&self.orchestrator, job.delivery_id, &told(&error), last).await?;
                Err(error)
            }
        }
    }
}

impl Hands {
    async fn process(&self, job: ProcessDelivery) -> Result<Verdict> {
        let own = self.code_host.own_account().await;
        let own = Some(own.map_err(not_now)?.github_user_id);
        match delivery::examine(&self.orchestrator, job.delivery_id, own).await? {
            Examined::Settled(verdict) => Ok(verdict),
            Examined::Look(look) => {
                let read = self.read(&look).await.map_err(of_read)?;
                delivery::settle(&self.orchestrator, job.delivery_id, own, read).await
            }
        }
    }

    async fn read(&self, look: &Look) -> Result<HostRead, CodeHostError> {
        let issue = match self.code_host.issue(&look.at, look.number).await {
            Ok(issue) => Some(issue),
            Err(CodeHostError::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let sender_permission = self.permission_of(&look.at, &look.sender).await?;
        let author = issue.as_ref().and_then(|issue: &HostIssue| issue.author.as_ref());
        let author_permission = match author {
            Some(author) if look.is_sender(author) => sender_permission,
            Some(author) => self.permission_of(&look.at, std::slice::from_ref(author)).await?,
            None => HostPermission::None,
        };
        Ok(HostRead {
            issue,
            sender_permission,
            author_permission,
        })
    }

    /// One person under the logins it is known by; the highest counts, since the number is the same.
    async fn permission_of(
        &self,
        at: &RepositoryRef,
        accounts: &[HostAccount],
    ) -> Result<HostPermission, CodeHostError> {
        let mut highest = HostPermission::None;
        for account in accounts {
            highest = highest.max(self.code_host.permission(at, account).await?);
            if highest >= HostPermission::Write {
                break;
            }
        }
        Ok(highest)
    }
}

/// What people are told of an error: the text of a defect is for the log.
fn told(error: &Error) -> String {
    match error {
        Error::Internal(_) => "a defect of the platform; the worker's log says more".to_owned(),
        other => other.to_string(),
    }
}

/// Who we are does not hang on the delivery: whatever is in the way of knowing it, a person removes it, and no delivery
/// is lost meanwhile.
fn not_now(error: CodeHostError) -> Error {
    match of_code_host(error) {
        error if error.is_transient() => error,
        error => Error::Unavailable(error.to_string()),
    }
}

/// A credential that GitHub does not take is mended, or given more rights, without the delivery being sent again.
fn of_read(error: CodeHostError) -> Error {
    match error {
        CodeHostError::Refused {
            status: 401 | 403, ..
        } => Error::Unavailable(error.to_string()),
        error => of_code_host(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> CodeHostError {
        CodeHostError::Refused {
            status,
            message: "no".to_owned(),
        }
    }

    #[test]
    fn a_bad_credential_fails_no_delivery_for_good() {
        let missing = || CodeHostError::NotFound("installation of the App".to_owned());
        for error in [not_now(refused(401)), not_now(refused(404)), not_now(missing())] {
            assert!(error.is_transient(), "{error}");
        }
        for (status, transient) in [(401, true), (403, true), (404, false), (422, false)] {
            assert_eq!(of_read(refused(status)).is_transient(), transient, "{status}");
        }
        let limited = CodeHostError::RateLimited {
            retry_after: std::time::Duration::from_secs(7),
            message: "slowly".to_owned(),
        };
        assert!(matches!(
            not_now(limited),
            Error::RateLimited {
                retry_after_ms: 7000,
                ..
            }
        ));
    }

    #[test]
    fn the_text_of_a_defect_is_nobodys() {
        let defect = Error::internal("relation \"runs\" does not exist");
        assert!(!told(&defect).contains("runs"), "{}", told(&defect));
        assert_eq!(
            told(&Error::Unavailable("GitHub is away".into())),
            "GitHub is away"
        );
    }
}
