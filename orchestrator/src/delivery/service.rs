//! What comes in, and what people read of it.

use jiff::Timestamp;

use super::domain::Verdict;
use super::jobs::ProcessDelivery;
use super::store;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{DeliveryId, ProjectId, RepositoryId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};
use crate::trace::TraceParent;

/// The largest body GitHub sends.
pub const MAX_BODY_BYTES: usize = 25 * 1024 * 1024;
/// Bytes of a payload shown to a person at once.
const MAX_SHOWN_BYTES: usize = 256 * 1024;

/// A delivery whose signature was checked.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// `X-GitHub-Delivery`: a redelivery keeps it.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    pub content_type: Option<String>,
    /// As it came.
    pub body: Vec<u8>,
    pub traceparent: TraceParent,
}

/// What became of a delivery at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    pub delivery_id: DeliveryId,
    /// It was here before; nothing changed.
    pub duplicate: bool,
}

/// A delivery, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub delivery_id: DeliveryId,
    pub guid: String,
    pub event: String,
    pub body_bytes: i64,
    pub received_at: Timestamp,
    pub traceparent: String,
    pub action: Option<String>,
    pub github_repository_id: Option<i64>,
    pub number: Option<i64>,
    pub sender_github_user_id: Option<i64>,
    pub sender_login: Option<String>,
    pub repository_id: Option<RepositoryId>,
    /// None for a repository that belongs to no project.
    pub project_id: Option<ProjectId>,
    /// None: not worked on yet.
    pub verdict: Option<Verdict>,
    /// What in the event the verdict is about, or what the last attempt stumbled over.
    pub detail: Option<String>,
    pub attempts: i32,
    pub processed_at: Option<Timestamp>,
}

/// Which deliveries to list; what is not named is not asked.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub project_id: Option<ProjectId>,
    pub repository_id: Option<RepositoryId>,
    pub number: Option<i64>,
    pub event: Option<String>,
    /// `run_created`, `ignored`…; `none` for those not worked on yet.
    pub verdict: Option<String>,
}

/// A body as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadText {
    pub text: String,
    /// The body is longer than what is shown.
    pub truncated: bool,
}

/// A delivery for an actor.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn get(orchestrator: &Orchestrator, actor: &Actor, delivery_id: DeliveryId) -> Result<Delivery> {
    let mut tx = orchestrator.look("delivery.get").await?;
    authorized(&mut tx, actor, Operation::DeliveryRead, delivery_id).await
}

/// The body, for those who may read payloads; none once it was removed.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn payload(
    orchestrator: &Orchestrator,
    actor: &Actor,
    delivery_id: DeliveryId,
) -> Result<Option<PayloadText>> {
    let mut tx = orchestrator.begin("delivery.payload").await?;
    authorized(&mut tx, actor, Operation::DeliveryPayloadRead, delivery_id).await?;
    let body = store::body(&mut tx, delivery_id).await?;
    // The reading itself is in the audit.
    tx.commit().await?;
    Ok(body.map(|body| {
        let shown = &body[..body.len().min(MAX_SHOWN_BYTES)];
        PayloadText {
            text: String::from_utf8_lossy(shown).into_owned(),
            truncated: shown.len() < body.len(),
        }
    }))
}

/// The deliveries the actor may see, newest first. Those of no project are seen by platform roles only.
///
/// # Errors
///
/// `Invalid` for a verdict that does not exist.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    filter: &Filter,
    ask: PageAsk,
) -> Result<Page<Delivery>> {
    let mut tx = orchestrator.look("delivery.list").await?;
    let visible = access::visible_projects(&mut tx, actor, Operation::DeliveryRead).await?;
    let all = access::sees_platform(&mut tx, actor, Operation::DeliveryRead).await?;
    let rows = store::list(&mut tx, &visible, all, filter, ask).await?;
    Ok(ask.page(rows, |delivery| delivery.delivery_id.uuid()))
}

/// Works on a delivery once more. A run that it made is found again, never made twice. With an idempotency key a repeat
/// works on it no further time.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `Conflict` while it is being worked on, `Precondition` if its body was removed.
pub async fn replay(
    orchestrator: &Orchestrator,
    actor: &Actor,
    delivery_id: DeliveryId,
    key: Option<Key>,
) -> Result<Delivery> {
    let mut tx = orchestrator.begin("delivery.replay").await?;
    let delivery = authorized(&mut tx, actor, Operation::DeliveryReplay, delivery_id).await?;
    if idempotency::recall::<DeliveryId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(delivery);
    }
    if delivery.verdict.is_none() {
        return Err(Error::Conflict(
            "this delivery has not been worked on yet; read it again in some seconds".into(),
        ));
    }
    if !store::reopen(&mut tx, delivery_id).await? {
        return Err(Error::Precondition(
            "the delivery's body was removed after its retention time; label the issue again instead".into(),
        ));
    }
    tx.follow(&delivery.traceparent);
    tx.enqueue(ProcessDelivery { delivery_id }).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &delivery_id).await?;
    let delivery = store::get(&mut tx, delivery_id).await?;
    tx.commit().await?;
    Ok(delivery)
}

/// Reads a delivery and requires a right on it.
pub(super) async fn authorized(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    delivery_id: DeliveryId,
) -> Result<Delivery> {
    let delivery = store::get(tx, delivery_id).await?;
    if let Some(project_id) = delivery.project_id {
        let target = Target::new(project_id, "delivery", delivery_id);
        access::require(tx, actor, operation, &target).await?;
    } else {
        let id = delivery_id.to_string();
        access::require_platform(tx, actor, operation, "delivery", &id).await?;
    }
    Ok(delivery)
}
