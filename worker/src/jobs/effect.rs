//! Outward writes, made true: looked for first where an earlier try may have done it.

use async_trait::async_trait;
use orchestrator::effect::domain::{Review, marked, marker};
use orchestrator::effect::jobs::ApplyEffect;
use orchestrator::effect::{self, Claim, Claimed, EffectResult, EffectState, Outcome, Write};
use orchestrator::error::Result;
use orchestrator::ports::CodeHostError;
use orchestrator::ports::code_host::{HostComment, HostIssue, HostPullRequest, IssueDraft, PullRequestDraft};
use orchestrator::queue::{Attempt, Done, Perform};

use crate::Hands;

#[async_trait]
impl Perform<ApplyEffect> for Hands {
    async fn perform(&self, job: ApplyEffect, _: Attempt) -> Result<Done> {
        let claim = match effect::claim(&self.orchestrator, job.effect_id, &self.name).await? {
            Claimed::Yes(claim) => claim,
            Claimed::Later(after) => return Ok(Done::Later(after)),
            Claimed::No => return Ok(Done::Done),
        };
        self.apply(&claim).await
    }
}

impl Hands {
    /// Makes a claimed write true, as far as it can be, and says so in the ledger.
    ///
    /// # Errors
    ///
    /// `Conflict` if another worker took the write over.
    pub async fn apply(&self, claim: &Claim) -> Result<Done> {
        let outcome = match self.write(claim).await {
            Ok(result) => Outcome::Done(result),
            Err(CodeHostError::RateLimited { retry_after, message }) => Outcome::Wait(retry_after, message),
            Err(CodeHostError::Ambiguous(why) | CodeHostError::Unavailable(why)) => Outcome::Unknown(why),
            Err(error @ (CodeHostError::Refused { .. } | CodeHostError::NotFound(_))) => {
                Outcome::Rejected(error.to_string())
            }
        };
        let state = effect::settle(&self.orchestrator, claim, outcome).await?;
        metrics::counter!("codex_effects_total", "kind" => claim.effect.write.kind().as_str(),
            "state" => state.as_str())
        .increment(1);
        // Ready again: the next look is due when the row says so.
        Ok(if state == EffectState::Ready {
            Done::Later(std::time::Duration::from_secs(1))
        } else {
            Done::Done
        })
    }

    async fn write(&self, claim: &Claim) -> Result<EffectResult, CodeHostError> {
        let key = claim.effect.effect_key.as_deref().unwrap_or_default();
        match &claim.effect.write {
            Write::PullRequest {
                title,
                body,
                head_branch,
                base_branch,
                ..
            } => {
                let draft = PullRequestDraft {
                    title: title.clone(),
                    body: marked(body, key),
                    head_branch: head_branch.clone(),
                    base_branch: base_branch.clone(),
                };
                self.open_pull_request(claim, key, &draft).await
            }
            Write::StatusComment { body } => self.upsert_comment(claim, key, body).await,
            Write::Comment { body } => self.comment_once(claim, key, body).await,
            Write::Issue { title, body, labels } => {
                let draft = IssueDraft {
                    title: title.clone(),
                    body: marked(body, key),
                    labels: labels.clone(),
                };
                self.issue_once(claim, key, &draft).await
            }
            Write::Review(review) => self.review_once(claim, key, review).await,
            Write::LabelDefinitions { labels } => {
                let ensure = self.code_host.ensure_labels(&claim.at, labels);
                self.send(claim, ensure).await?;
                Ok(EffectResult::default())
            }
            Write::Labels { add, remove } => {
                let change = self
                    .code_host
                    .change_labels(&claim.at, number(claim)?, add, remove);
                let labels = self.send(claim, change).await?;
                Ok(EffectResult {
                    labels: Some(labels),
                    ..EffectResult::default()
                })
            }
        }
    }

    /// A write outward. A worker that was frozen since its claim may not hold the lane any more: it sends nothing.
    async fn send<T>(
        &self,
        claim: &Claim,
        call: impl Future<Output = Result<T, CodeHostError>>,
    ) -> Result<T, CodeHostError> {
        if claim.is_late(self.orchestrator.clock()) {
            let why = "nothing was sent: the worker stood still for too long after it took the write in hand";
            return Err(CodeHostError::Unavailable(why.into()));
        }
        call.await
    }

    /// A retried run pushes to the branch of the run before it: a pull request from that branch is the one.
    async fn open_pull_request(
        &self,
        claim: &Claim,
        key: &str,
        draft: &PullRequestDraft,
    ) -> Result<EffectResult, CodeHostError> {
        if let Some(there) = self.find_opened(claim, key, draft).await? {
            return Ok(of_pull_request(there));
        }
        let open = self.code_host.open_pull_request(&claim.at, draft);
        match self.send(claim, open).await {
            // What an earlier try opened may not have been shown before.
            Err(CodeHostError::Refused { status: 422, message }) => {
                match self.find_opened(claim, key, draft).await? {
                    Some(there) => Ok(of_pull_request(there)),
                    None if message.contains("already exists") => Err(CodeHostError::Ambiguous(message)),
                    None => Err(CodeHostError::Refused { status: 422, message }),
                }
            }
            opened => opened.map(of_pull_request),
        }
    }

    async fn find_opened(
        &self,
        claim: &Claim,
        key: &str,
        draft: &PullRequestDraft,
    ) -> Result<Option<HostPullRequest>, CodeHostError> {
        let marker = marker(key);
        self.code_host
            .find_pull_request(&claim.at, &draft.head_branch, &marker)
            .await
    }

    async fn upsert_comment(
        &self,
        claim: &Claim,
        key: &str,
        body: &str,
    ) -> Result<EffectResult, CodeHostError> {
        let known = claim.effect.result.as_ref().and_then(|result| result.comment_id);
        let there = match known {
            Some(comment_id) => Some(comment_id),
            None if claim.look_first => self
                .find_comment(claim, key)
                .await?
                .map(|comment| comment.comment_id),
            None => None,
        };
        let body = marked(body, key);
        let Some(comment_id) = there else {
            return self.create_comment(claim, &body).await;
        };
        let edit = self.code_host.edit_comment(&claim.at, comment_id, &body);
        match self.send(claim, edit).await {
            // Somebody deleted it: people still want to know where the run is.
            Err(CodeHostError::NotFound(_)) => self.comment_anew(claim, key, &body).await,
            edited => edited.map(of_comment),
        }
    }

    /// An earlier try may have made the new one already: its answer may have been lost.
    async fn comment_anew(
        &self,
        claim: &Claim,
        key: &str,
        body: &str,
    ) -> Result<EffectResult, CodeHostError> {
        let Some(there) = self.find_comment(claim, key).await? else {
            return self.create_comment(claim, body).await;
        };
        let edit = self.code_host.edit_comment(&claim.at, there.comment_id, body);
        self.send(claim, edit).await.map(of_comment)
    }

    async fn comment_once(
        &self,
        claim: &Claim,
        key: &str,
        body: &str,
    ) -> Result<EffectResult, CodeHostError> {
        if claim.look_first
            && let Some(there) = self.find_comment(claim, key).await?
        {
            return Ok(of_comment(there));
        }
        self.create_comment(claim, &marked(body, key)).await
    }

    async fn issue_once(
        &self,
        claim: &Claim,
        key: &str,
        draft: &IssueDraft,
    ) -> Result<EffectResult, CodeHostError> {
        if claim.look_first {
            let marker = marker(key);
            if let Some(there) = self.code_host.find_issue(&claim.at, &marker).await? {
                return Ok(of_issue(there));
            }
        }
        let create = self.code_host.create_issue(&claim.at, draft);
        let created = self.send(claim, create).await?;
        Ok(of_issue(created))
    }

    async fn review_once(
        &self,
        claim: &Claim,
        key: &str,
        review: &Review,
    ) -> Result<EffectResult, CodeHostError> {
        let number = number(claim)?;
        if claim.look_first {
            let marker = marker(key);
            if let Some(there) = self.code_host.find_review(&claim.at, number, &marker).await? {
                return Ok(of_comment(there));
            }
        }
        let review = Review {
            body: marked(&review.body, key),
            ..review.clone()
        };
        let create = self.code_host.create_review(&claim.at, number, &review);
        let created = self.send(claim, create).await?;
        Ok(of_comment(created))
    }

    async fn find_comment(&self, claim: &Claim, key: &str) -> Result<Option<HostComment>, CodeHostError> {
        let marker = marker(key);
        self.code_host
            .find_comment(&claim.at, number(claim)?, &marker)
            .await
    }

    async fn create_comment(&self, claim: &Claim, body: &str) -> Result<EffectResult, CodeHostError> {
        let created = self.code_host.create_comment(&claim.at, number(claim)?, body);
        self.send(claim, created).await.map(of_comment)
    }
}

fn number(claim: &Claim) -> Result<i64, CodeHostError> {
    let missing = || CodeHostError::Refused {
        status: 422,
        message: "the effect names no issue".into(),
    };
    claim.effect.number.ok_or_else(missing)
}

fn of_comment(comment: HostComment) -> EffectResult {
    EffectResult {
        comment_id: Some(comment.comment_id),
        url: Some(comment.url),
        ..EffectResult::default()
    }
}

fn of_issue(issue: HostIssue) -> EffectResult {
    EffectResult {
        number: Some(issue.number),
        url: Some(issue.url),
        ..EffectResult::default()
    }
}

fn of_pull_request(found: HostPullRequest) -> EffectResult {
    EffectResult {
        number: Some(found.number),
        url: Some(found.url),
        ..EffectResult::default()
    }
}
