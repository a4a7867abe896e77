//! The use cases of slots.

use jiff::Timestamp;

use super::domain::{HOLD, Lease, QUARANTINE_AFTER, SlotEvent, SlotState};
use super::store;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{ProjectId, RunId, SlotId};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::project::access::{self, Operation, Target};

/// A place for one run of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub slot_id: SlotId,
    pub project_id: ProjectId,
    /// Starts at 1 within the project.
    pub number: i32,
    pub state: SlotState,
    pub changed_at: Timestamp,
}

impl Slot {
    /// The slot as the object of an operation.
    pub(super) fn target(&self) -> Target {
        Target {
            project_id: self.project_id,
            what: "slot",
            id: self.slot_id.to_string(),
            run_id: self.state.lease().map(|lease| lease.run_id),
            started_by: None,
        }
    }
}

/// A slot that waits for the proof that its turn's pod is gone.
#[derive(Clone, Debug)]
pub struct Draining {
    pub slot_id: SlotId,
    pub project: String,
    pub lease: Lease,
}

/// Makes the project have at least `count` slots. Asking twice changes nothing; slots are never taken away here.
pub async fn ensure(tx: &mut Tx, project_id: ProjectId, count: i32) -> Result<()> {
    for number in 1..=count {
        store::insert_free(tx, project_id, number).await?;
    }
    Ok(())
}

/// Makes the project use `count` slots at once, and have as many. What is taken beyond that is nobody's to end: none is
/// given to another run until fewer are taken.
pub(crate) async fn resize(tx: &mut Tx, project_id: ProjectId, count: i32) -> Result<()> {
    ensure(tx, project_id, count).await?;
    crate::project::set_slot_limit(tx, project_id, count).await
}

/// How many slots a project may use at once.
pub async fn count(tx: &mut Tx, project_id: ProjectId) -> Result<i64> {
    store::count(tx, project_id).await
}

/// Leases a slot to a turn: a free one, or the one held for the same run.
pub(crate) async fn lease(tx: &mut Tx, slot_id: SlotId, lease: Lease) -> Result<()> {
    apply(tx, slot_id, SlotEvent::Leased(lease)).await
}

/// Keeps the slot of a parked run for a while.
pub(crate) async fn hold(tx: &mut Tx, slot_id: SlotId) -> Result<()> {
    let until = tx.now() + HOLD;
    apply(tx, slot_id, SlotEvent::Held { until }).await
}

/// Ends the lease or hold of a run, if it has one. Its pod is removed, and proven gone, by the slot reaper.
pub(crate) async fn drain(tx: &mut Tx, run_id: RunId) -> Result<()> {
    for slot in store::of_run(tx, run_id).await? {
        if matches!(slot.state, SlotState::Leased(_) | SlotState::Held { .. }) {
            save_next(tx, slot, SlotEvent::Drained { at: tx.now() }).await?;
            tx.notify(Topic::Poke, "slots").await?;
        }
    }
    Ok(())
}

/// Moves slots whose hold is over to draining; answers how many.
pub async fn end_holds(orchestrator: &Orchestrator) -> Result<usize> {
    let mut tx = orchestrator.begin("slot.end_holds").await?;
    let overdue = store::overdue_holds(&mut tx).await?;
    let count = overdue.len();
    for slot in overdue {
        let at = tx.now();
        save_next(&mut tx, slot, SlotEvent::Drained { at }).await?;
    }
    tx.commit().await?;
    Ok(count)
}

/// Slots that wait for a proof, at most `limit`, the quarantined ones last. A held slot is among them as long as the pod of
/// its parked turn may be there.
pub async fn unproven(orchestrator: &Orchestrator, limit: i64) -> Result<Vec<Draining>> {
    let mut tx = orchestrator.begin("slot.unproven").await?;
    let mut found = Vec::new();
    for slot in store::unproven(&mut tx, limit).await? {
        if let Some(lease) = slot.state.lease() {
            let project = crate::project::get(&mut tx, slot.project_id).await?.slug;
            found.push(Draining {
                slot_id: slot.slot_id,
                project,
                lease,
            });
        }
    }
    Ok(found)
}

/// Frees the slots that drain under this lease, on the proof that nothing of its turn is left. The caller holds the
/// run's lock.
pub(crate) async fn free_on_proof(tx: &mut Tx, lease: Lease) -> Result<()> {
    for slot in store::of_run(tx, lease.run_id).await? {
        let drains = matches!(
            slot.state,
            SlotState::Draining { .. } | SlotState::Quarantined { .. }
        );
        if drains && slot.state.lease() == Some(lease) {
            save_next(tx, slot, SlotEvent::PodGone).await?;
        }
    }
    Ok(())
}

/// Says that a slot's proof could not be had. After [`QUARANTINE_AFTER`] the slot is quarantined with the reason.
pub async fn proof_missing(
    orchestrator: &Orchestrator,
    slot_id: SlotId,
    lease: Lease,
    why: &str,
) -> Result<()> {
    let mut tx = orchestrator.begin("slot.proof_missing").await?;
    let slot = store::get_for_update(&mut tx, slot_id).await?;
    if let SlotState::Draining {
        lease: now_leased,
        since,
    } = slot.state
        && now_leased == lease
        && tx.now().duration_since(since) >= QUARANTINE_AFTER
    {
        tracing::warn!(%slot_id, run_id = %lease.run_id, why, "slot quarantined");
        save_next(
            &mut tx,
            slot,
            SlotEvent::ProofMissing {
                reason: why.to_owned(),
            },
        )
        .await?;
    }
    tx.commit().await
}

async fn apply(tx: &mut Tx, slot_id: SlotId, event: SlotEvent) -> Result<()> {
    let slot = store::get_for_update(tx, slot_id).await?;
    save_next(tx, slot, event).await
}

pub(super) async fn save_next(tx: &mut Tx, mut slot: Slot, event: SlotEvent) -> Result<()> {
    slot.state = slot
        .state
        .apply(event)
        .map_err(|refused| Error::Conflict(refused.to_string()))?;
    store::save(tx, &slot).await
}

/// One slot.
///
/// # Errors
///
/// `NotFound`.
pub async fn get(orchestrator: &Orchestrator, actor: &Actor, slot_id: SlotId) -> Result<Slot> {
    let mut tx = orchestrator.look("slot.get").await?;
    let not_found = || Error::not_found("slot", slot_id);
    let slot = store::find(&mut tx, slot_id).await?.ok_or_else(not_found)?;
    access::require(&mut tx, actor, Operation::SlotRead, &slot.target()).await?;
    tx.commit().await?;
    Ok(slot)
}

/// The slots of all projects the actor may see, newest first.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    only: Option<ProjectId>,
    page: PageAsk,
) -> Result<Page<Slot>> {
    let mut tx = orchestrator.look("slot.list").await?;
    let projects = access::visible_of(&mut tx, actor, Operation::SlotRead, only).await?;
    let rows = store::list(&mut tx, &projects, page).await?;
    Ok(page.page(rows, |slot| slot.slot_id.uuid()))
}
