//! From a delivery to its verdict.

use super::case::Case;
use super::domain::{self, Verdict};
use super::store;
use crate::error::{Error, Result};
use crate::id::DeliveryId;
use crate::orchestrator::Orchestrator;
use crate::ports::code_host::{HostAccount, HostIssue, HostPermission, RepositoryRef};
use crate::postgres::listen::Topic;
use crate::trigger::{IgnoreReason, Wants};

/// What a look at a delivery came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Examined {
    Settled(Verdict),
    /// Read this at the code host, then call [`settle`].
    Look(Look),
}

/// What to read before a delivery can be settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub at: RepositoryRef,
    pub number: i64,
    /// The sender, under the login of the event and the one we know it by; the number is the same.
    pub sender: Vec<HostAccount>,
    pub wants: Wants,
}

impl Look {
    pub fn is_sender(&self, account: &HostAccount) -> bool {
        self.sender
            .iter()
            .any(|sender| sender.github_user_id == account.github_user_id)
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRead {
    /// None: the code host knows no such issue.
    pub issue: Option<HostIssue>,
    pub sender_permission: HostPermission,
    pub author_permission: HostPermission,
}

/// Settles a delivery that needs no look at the code host; says what to look at for one that does.
///
/// `own_github_user_id` is the account our App acts as.
///
/// # Errors
///
/// `NotFound`, `Unavailable`.
pub async fn examine(
    orchestrator: &Orchestrator,
    delivery_id: DeliveryId,
    own_github_user_id: Option<i64>,
) -> Result<Examined> {
    process(
        orchestrator,
        "delivery.examine",
        delivery_id,
        own_github_user_id,
        None,
    )
    .await
}

/// Decides with what was read, and does what was decided, in one transaction. A settled delivery answers its verdict.
///
/// # Errors
///
/// `NotFound`, `Unavailable`.
pub async fn settle(
    orchestrator: &Orchestrator,
    delivery_id: DeliveryId,
    own_github_user_id: Option<i64>,
    read: HostRead,
) -> Result<Verdict> {
    let examined = process(
        orchestrator,
        "delivery.settle",
        delivery_id,
        own_github_user_id,
        Some(read),
    )
    .await?;
    match examined {
        Examined::Settled(verdict) => Ok(verdict),
        Examined::Look(_) => Err(Error::internal("a delivery wants to look twice")),
    }
}

/// Notes that an attempt failed; the last one is the verdict.
pub async fn attempt_failed(
    orchestrator: &Orchestrator,
    delivery_id: DeliveryId,
    why: &str,
    last: bool,
) -> Result<()> {
    let mut tx = orchestrator.begin("delivery.attempt_failed").await?;
    if store::failed_attempt(&mut tx, delivery_id, why, last).await? && last {
        count(&Verdict::Failed(String::new()));
    }
    tx.commit().await
}

async fn process(
    orchestrator: &Orchestrator,
    name: &'static str,
    delivery_id: DeliveryId,
    own: Option<i64>,
    read: Option<HostRead>,
) -> Result<Examined> {
    let mut tx = orchestrator.begin(name).await?;
    let stored = store::get_for_update(&mut tx, delivery_id).await?;
    if let Some(verdict) = stored.delivery.verdict {
        return Ok(Examined::Settled(verdict));
    }
    let payload = stored
        .body
        .as_deref()
        .and_then(|body| domain::parse(stored.content_type.as_deref(), body));
    let mut case = Case::new(&stored, own);
    tx.follow(case.traceparent.as_str());
    tx.because(format!("delivery {delivery_id}"));
    let verdict = match &payload {
        None => Verdict::Ignored(IgnoreReason::Unreadable),
        Some(payload) => {
            case.read(&mut tx, &stored.delivery.event, payload).await?;
            match case.verdict(&mut tx, read).await? {
                Examined::Settled(verdict) => verdict,
                look @ Examined::Look(_) => {
                    // Whose it is is known from now on, so its people can see it wait.
                    store::note_reading(&mut tx, delivery_id, &case.reading).await?;
                    tx.commit().await?;
                    return Ok(look);
                }
            }
        }
    };
    let told = domain::detail(&case.event);
    case.reading.detail = match (case.ended, told) {
        (Some(why), Some(told)) => Some(format!("{why}: {told}")),
        (why, told) => told.or(why.map(str::to_owned)),
    };
    store::settle(&mut tx, delivery_id, &case.reading, &verdict).await?;
    let lag = tx.now().duration_since(stored.delivery.received_at);
    if let Some(project_id) = case.reading.project_id {
        tx.notify(Topic::Deliveries, project_id).await?;
    }
    tx.commit().await?;
    count(&verdict);
    metrics::histogram!("codex_delivery_lag_seconds").record(lag.as_secs_f64().max(0.0));
    Ok(Examined::Settled(verdict))
}

fn count(verdict: &Verdict) {
    let reason = verdict.reason().unwrap_or_default();
    metrics::counter!("codex_delivery_verdicts_total", "verdict" => verdict.word(), "reason" => reason)
        .increment(1);
}
