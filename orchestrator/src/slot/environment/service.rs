//! The use cases of environments. Whose lease an environment belongs to is remembered; what is in it is asked.

use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{ProjectId, SlotId};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::ports::cluster::RunnerKey;
use crate::postgres::Tx;
use crate::project::access::{self, Operation, Target};
use crate::run::jobs::StopRunner;
use crate::slot::domain::{Lease, SlotState};
use crate::slot::{Slot, store};

/// A slot that has something in the cluster, or may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupied {
    pub slot: Slot,
    pub lease: Lease,
}

/// The environment of a slot, for somebody who may do `operation` on it.
///
/// # Errors
///
/// `NotFound` if there is no such slot that the actor may see, or nothing of it is in the cluster; `Forbidden`.
pub async fn get(
    orchestrator: &Orchestrator,
    actor: &Actor,
    slot_id: SlotId,
    operation: Operation,
) -> Result<Occupied> {
    let mut tx = orchestrator.look("environment.get").await?;
    let occupied = required(&mut tx, actor, slot_id, operation).await?;
    tx.commit().await?;
    Ok(occupied)
}

async fn required(tx: &mut Tx, actor: &Actor, slot_id: SlotId, operation: Operation) -> Result<Occupied> {
    let missing = || Error::not_found("environment", slot_id);
    let slot = store::find(tx, slot_id).await?.ok_or_else(missing)?;
    let target = Target {
        run_id: slot.state.lease().map(|lease| lease.run_id),
        ..Target::new(slot.project_id, "environment", slot_id)
    };
    access::require(tx, actor, operation, &target).await?;
    let lease = slot.state.lease().ok_or_else(missing)?;
    Ok(Occupied { slot, lease })
}

/// The environments of all projects the actor may see, newest slot first.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    only: Option<ProjectId>,
    page: PageAsk,
) -> Result<Page<Occupied>> {
    let mut tx = orchestrator.look("environment.list").await?;
    let projects = access::visible_of(&mut tx, actor, Operation::EnvironmentRead, only).await?;
    let rows = store::list_occupied(&mut tx, &projects, page).await?;
    let occupied = rows.into_iter().filter_map(|slot| {
        let lease = slot.state.lease()?;
        Some(Occupied { slot, lease })
    });
    Ok(page.page(occupied.collect(), |it| it.slot.slot_id.uuid()))
}

/// What the cluster calls the environment of a slot; none if it has none. Checks no right: for the worker, which answers
/// what was asked by right.
pub async fn key(orchestrator: &Orchestrator, slot_id: SlotId) -> Result<Option<RunnerKey>> {
    let mut tx = orchestrator.begin("environment.key").await?;
    let Some(slot) = store::find(&mut tx, slot_id).await? else {
        return Ok(None);
    };
    let Some(lease) = slot.state.lease() else {
        return Ok(None);
    };
    let project = crate::project::get(&mut tx, slot.project_id).await?.slug;
    Ok(Some(RunnerKey {
        project,
        run_id: lease.run_id,
        turn: lease.turn,
        fence: lease.fence,
    }))
}

/// Has the worker remove at once what is left of a lease that is over; it would do so anyhow, at its own pace. Asking twice
/// removes nothing more.
///
/// # Errors
///
/// `NotFound`, `Forbidden`; `Conflict` while a run works there.
pub async fn remove(
    orchestrator: &Orchestrator,
    actor: &Actor,
    slot_id: SlotId,
    idempotency_key: Option<Key>,
) -> Result<Occupied> {
    let mut tx = orchestrator.begin("environment.remove").await?;
    let occupied = required(&mut tx, actor, slot_id, Operation::EnvironmentDelete).await?;
    let done = idempotency::recall::<SlotId>(&mut tx, actor, idempotency_key.as_ref()).await?;
    if done.is_some() {
        return Ok(occupied);
    }
    if matches!(occupied.slot.state, SlotState::Leased(_)) {
        return Err(Error::Conflict(format!(
            "run {} works in this environment; end it with run_cancel, its environment goes with it",
            occupied.lease.run_id
        )));
    }
    let project = crate::project::get(&mut tx, occupied.slot.project_id).await?.slug;
    tx.enqueue(StopRunner {
        run_id: occupied.lease.run_id,
        turn: occupied.lease.turn,
        fence: occupied.lease.fence,
        project,
    })
    .await?;
    idempotency::remember(&mut tx, actor, idempotency_key.as_ref(), &slot_id).await?;
    tx.commit().await?;
    Ok(occupied)
}
