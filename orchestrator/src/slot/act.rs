//! What operators do with slots.

use jiff::SignedDuration;

use super::domain::{MAX_HOLD, MAX_SLOTS, SlotEvent, SlotState};
use super::service::{Slot, count, resize, save_next};
use super::store;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{ProjectId, SlotId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::project::access::{self, Operation};

/// Gives a held slot back before its time: the run that waits goes on later in any free one. A slot that is free, or on
/// its way there, stays as it is.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `Conflict` for a slot with a live run, or one whose pod nobody could prove gone.
pub async fn release(
    orchestrator: &Orchestrator,
    actor: &Actor,
    slot_id: SlotId,
    key: Option<Key>,
) -> Result<Slot> {
    let mut tx = orchestrator.begin("slot.release").await?;
    let slot = locked(&mut tx, actor, Operation::SlotRelease, slot_id).await?;
    if idempotency::recall::<SlotId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(slot);
    }
    match &slot.state {
        SlotState::Held { .. } => {
            let at = tx.now();
            save_next(&mut tx, slot, SlotEvent::Drained { at }).await?;
            tx.notify(Topic::Poke, "slots").await?;
        }
        SlotState::Free | SlotState::Draining { .. } => {}
        SlotState::Leased(lease) => {
            return Err(Error::Conflict(format!(
                "run {} is live in this slot; stop it with run_cancel, and the slot comes free when its pod is gone",
                lease.run_id
            )));
        }
        SlotState::Quarantined { reason, .. } => {
            return Err(Error::Conflict(format!(
                "nobody can prove that its pod is gone ({reason}), and two runs in one slot would meet; see to it that the \
                 cluster answers, or delete the pod there: the slot comes free by itself then"
            )));
        }
    }
    done(tx, actor, slot_id, key.as_ref()).await
}

/// Lets a held slot wait longer for its run, counted from now. A hold that lasts longer already stays as it is.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `Invalid` for more than a day, `Conflict` for a slot that is not held.
pub async fn extend(
    orchestrator: &Orchestrator,
    actor: &Actor,
    slot_id: SlotId,
    minutes: i64,
    key: Option<Key>,
) -> Result<Slot> {
    let mut tx = orchestrator.begin("slot.extend").await?;
    let slot = locked(&mut tx, actor, Operation::SlotExtend, slot_id).await?;
    let by = SignedDuration::from_mins(minutes);
    if !by.is_positive() || by > MAX_HOLD {
        return Err(Error::Invalid(format!(
            "a hold may last between a moment and {} hours from now",
            MAX_HOLD.as_hours()
        )));
    }
    if idempotency::recall::<SlotId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(slot);
    }
    let wanted = tx.now() + by;
    match &slot.state {
        SlotState::Held { until, .. } => {
            let until = wanted.max(*until);
            save_next(&mut tx, slot, SlotEvent::Extended { until }).await?;
        }
        other => {
            return Err(Error::Conflict(format!(
                "the slot is {other}; only one that is held for a waiting run can be held longer"
            )));
        }
    }
    done(tx, actor, slot_id, key.as_ref()).await
}

/// Sets how many slots a project may use at once; answers how many. With fewer than are taken nothing is ended: none is
/// given to another run until fewer are taken.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, `Invalid`.
pub async fn set_limit(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    slots: i32,
    key: Option<Key>,
) -> Result<i64> {
    let mut tx = orchestrator.begin("slot.set_limit").await?;
    let project = crate::project::get(&mut tx, project_id).await?;
    access::require(&mut tx, actor, Operation::SlotLimitSet, &project.target()).await?;
    if !(0..=MAX_SLOTS).contains(&slots) {
        return Err(Error::Invalid(format!("slots must be between 0 and {MAX_SLOTS}")));
    }
    if idempotency::recall::<i32>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return count(&mut tx, project_id).await;
    }
    resize(&mut tx, project_id, slots).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &slots).await?;
    tx.notify(Topic::Poke, "admission").await?;
    tx.commit().await?;
    Ok(slots.into())
}

/// A slot the actor may see, locked, with the right to this.
async fn locked(tx: &mut Tx, actor: &Actor, operation: Operation, slot_id: SlotId) -> Result<Slot> {
    let slot = store::get_for_update(tx, slot_id).await?;
    access::require(tx, actor, operation, &slot.target()).await?;
    Ok(slot)
}

async fn done(mut tx: Tx, actor: &Actor, slot_id: SlotId, key: Option<&Key>) -> Result<Slot> {
    idempotency::remember(&mut tx, actor, key, &slot_id).await?;
    let slot = store::get_for_update(&mut tx, slot_id).await?;
    tx.commit().await?;
    Ok(slot)
}
