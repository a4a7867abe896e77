//! What the agent of a live turn writes beyond its own issue: new issues in its repository, reviews of its pull request.

use sha2::{Digest, Sha256};

use super::Effect;
use super::ask::{MAX_LABELS, MAX_TITLE, check_labels, checked, require};
use super::stage::{Origin, insert_ready};
use crate::actor::Actor;
use crate::effect::domain::{EffectKind, MAX_ISSUES_PER_RUN, MAX_REVIEWS_PER_RUN, Review, Write};
use crate::effect::store;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;
use crate::ports::code_host::IssueDraft;
use crate::postgres::{Tx, json};
use crate::project::access::Operation;
use crate::run::{self, Run};

/// Comments on lines in one review.
const MAX_LINE_COMMENTS: usize = 30;

/// Opens an issue in the run's own repository. The same text in the same turn, or the same key, is the same issue.
///
/// # Errors
///
/// `StaleTurn`, `Invalid` or `TooLarge` for a text that must not leave, `Forbidden` for labels that steer the platform,
/// `Capacity` after 5 issues.
pub async fn ask_issue(
    orchestrator: &Orchestrator,
    actor: &Actor,
    draft: IssueDraft,
    idempotency_key: Option<&str>,
) -> Result<Effect> {
    let IssueDraft { title, body, labels } = draft;
    checked("title", &title)?;
    checked("body", &body)?;
    check_labels(&labels)?;
    if labels.len() > MAX_LABELS {
        return Err(Error::Invalid(format!("labels: at most {MAX_LABELS}")));
    }
    if title.chars().count() > MAX_TITLE || title.contains(char::is_control) {
        return Err(Error::Invalid(format!(
            "title must be one line of at most {MAX_TITLE} characters"
        )));
    }
    let mut tx = orchestrator.begin("effect.ask_issue").await?;
    let run = run::require_live(&mut tx, actor).await?;
    require(&mut tx, actor, Operation::IssueCreate, &run).await?;
    let write = Write::Issue {
        title,
        // People see at once who wrote it, and why.
        body: format!("{}\n\n<sub>run `{}`</sub>", body.trim_end(), run.run_id),
        labels,
    };
    let ask = Ask {
        kind: EffectKind::Issue,
        number: None,
        at_most: MAX_ISSUES_PER_RUN,
        key: idempotency_key,
    };
    ask.once(tx, actor, &run, write).await
}

/// Reviews the pull request that the run is about. The same review in the same turn, or the same key, is one review.
///
/// # Errors
///
/// `StaleTurn`, `NotFound` for another pull request, `Precondition` for a run without one, `Invalid` or `TooLarge` for a
/// text that must not leave, `Capacity` after 5 reviews.
pub async fn ask_review(
    orchestrator: &Orchestrator,
    actor: &Actor,
    number: Option<i64>,
    review: Review,
    idempotency_key: Option<&str>,
) -> Result<Effect> {
    checked("body", &review.body)?;
    if review.comments.len() > MAX_LINE_COMMENTS {
        return Err(Error::TooLarge(format!(
            "comments: one review may say at most {MAX_LINE_COMMENTS} things about lines"
        )));
    }
    for comment in &review.comments {
        checked("comments", &comment.body)?;
    }
    let mut tx = orchestrator.begin("effect.ask_review").await?;
    let run = run::require_live(&mut tx, actor).await?;
    require(&mut tx, actor, Operation::IssueWrite, &run).await?;
    let own = own_pull_request(&run, number)?;
    let ask = Ask {
        kind: EffectKind::Review,
        number: Some(own),
        at_most: MAX_REVIEWS_PER_RUN,
        key: idempotency_key,
    };
    ask.once(tx, actor, &run, Write::Review(review)).await
}

/// An agent reviews its own pull request, and no other: another's is not there for it.
fn own_pull_request(run: &Run, asked: Option<i64>) -> Result<i64> {
    let own = run.pull_request_number.ok_or_else(|| {
        Error::Precondition("this run has no pull request yet; it is opened after the turn".into())
    })?;
    match asked {
        Some(number) if number != own => Err(Error::not_found("pull request", number)),
        _ => Ok(own),
    }
}

/// A write that must be made once.
struct Ask<'a> {
    kind: EffectKind,
    number: Option<i64>,
    at_most: i64,
    key: Option<&'a str>,
}

impl Ask<'_> {
    async fn once(&self, mut tx: Tx, actor: &Actor, run: &Run, write: Write) -> Result<Effect> {
        let (kind, run_id) = (self.kind, run.run_id);
        let key = if let Some(key) = self.key {
            format!("{kind}:{run_id}:key:{key}")
        } else {
            let digest = hex::encode(Sha256::digest(json(&write)?.to_string()));
            format!("{kind}:{run_id}:{}:{digest}", run.turn)
        };
        if let Some(there) = store::find_by_key_for_update(&mut tx, &key).await? {
            return if there.write == write {
                Ok(there)
            } else {
                Err(Error::IdempotencyMismatch)
            };
        }
        if store::count_of_kind(&mut tx, run_id, kind).await? >= self.at_most {
            return Err(Error::Capacity(format!(
                "the run has made {} writes of the kind {kind}, the most it may",
                self.at_most
            )));
        }
        let origin = Origin::of(run, self.number, actor.to_string());
        let effect = insert_ready(&mut tx, &origin, Some(key), write).await?;
        tx.commit().await?;
        Ok(effect)
    }
}
