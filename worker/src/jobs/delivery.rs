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
use crate::outward::outward;

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
                delivery::attempt_failed(&self.orchestrator, job.delivery_id, &error.to_string(), last)
                    .await?;
                Err(error)
            }
        }
    }
}

impl Hands {
    async fn process(&self, job: ProcessDelivery) -> Result<Verdict> {
        let own = outward("code_host.own_account", self.code_host.own_account()).await;
        let own = Some(own.map_err(of_code_host)?.github_user_id);
        match delivery::examine(&self.orchestrator, job.delivery_id, own).await? {
            Examined::Settled(verdict) => Ok(verdict),
            Examined::Look(look) => {
                let read = self.read(&look).await.map_err(of_code_host)?;
                delivery::settle(&self.orchestrator, job.delivery_id, own, read).await
            }
        }
    }

    async fn read(&self, look: &Look) -> Result<HostRead, CodeHostError> {
        let issue = match outward("code_host.issue", self.code_host.issue(&look.at, look.number)).await {
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
            let asked = self.code_host.permission(at, account);
            highest = highest.max(outward("code_host.permission", asked).await?);
            if highest >= HostPermission::Write {
                break;
            }
        }
        Ok(highest)
    }
}
