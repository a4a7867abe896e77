//! The SQL of slots.

use jiff_sqlx::ToSqlx;

use super::domain::{Lease, SlotState};
use super::service::Slot;
use crate::error::{Error, Result};
use crate::id::{ProjectId, RunId, SlotId};
use crate::page::PageAsk;
use crate::postgres::{Moment, Tx, erase, unknown_word};

struct Row {
    slot_id: SlotId,
    project_id: ProjectId,
    number: i32,
    state: String,
    run_id: Option<RunId>,
    turn: Option<i32>,
    fence: Option<i64>,
    held_until: Option<Moment>,
    draining_since: Option<Moment>,
    reason: Option<String>,
    changed_at: Moment,
}

impl TryFrom<Row> for Slot {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let lease = match (row.run_id, row.turn, row.fence) {
            (Some(run_id), Some(turn), Some(fence)) => Some(Lease { run_id, turn, fence }),
            _ => None,
        };
        let state = match (
            row.state.as_str(),
            lease,
            row.held_until,
            row.draining_since,
            row.reason,
        ) {
            ("free", ..) => SlotState::Free,
            ("leased", Some(lease), ..) => SlotState::Leased(lease),
            ("held", Some(lease), Some(until), ..) => SlotState::Held {
                lease,
                until: until.to_jiff(),
            },
            ("draining", Some(lease), _, Some(since), _) => SlotState::Draining {
                lease,
                since: since.to_jiff(),
            },
            ("quarantined", Some(lease), _, Some(since), Some(reason)) => SlotState::Quarantined {
                lease,
                since: since.to_jiff(),
                reason,
            },
            (word, ..) => return Err(unknown_word("slots.state", word)),
        };
        Ok(Self {
            slot_id: row.slot_id,
            project_id: row.project_id,
            number: row.number,
            state,
            changed_at: row.changed_at.to_jiff(),
        })
    }
}

macro_rules! select {
    ($rest:literal $(, $arg:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT slot_id, project_id, number, state, run_id, turn, fence, held_until, draining_since, reason,
                 changed_at
             FROM slots " + $rest
            $(, $arg)*
        )
    };
}

pub(super) async fn find(tx: &mut Tx, slot_id: SlotId) -> Result<Option<Slot>> {
    let row = select!("WHERE slot_id = $1", slot_id as SlotId)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Slot::try_from).transpose()
}

pub(super) async fn get_for_update(tx: &mut Tx, slot_id: SlotId) -> Result<Slot> {
    let row = select!("WHERE slot_id = $1 FOR UPDATE", slot_id as SlotId)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Slot::try_from)
        .transpose()?
        .ok_or_else(|| Error::not_found("slot", slot_id))
}

/// The slots a run holds, however: leased, held, draining or quarantined.
pub(super) async fn of_run(tx: &mut Tx, run_id: RunId) -> Result<Vec<Slot>> {
    let rows = select!("WHERE run_id = $1 ORDER BY number FOR UPDATE", run_id as RunId)
        .fetch_all(&mut **tx)
        .await?;
    rows.into_iter().map(Slot::try_from).collect()
}

pub(super) async fn list(tx: &mut Tx, projects: &[ProjectId], page: PageAsk) -> Result<Vec<Slot>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let rows = select!(
        "WHERE project_id = ANY($1) AND slot_id < $2 ORDER BY slot_id DESC LIMIT $3",
        &projects,
        page.before(),
        page.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Slot::try_from).collect()
}

/// Those of which something may be in the cluster.
pub(super) async fn list_occupied(tx: &mut Tx, projects: &[ProjectId], page: PageAsk) -> Result<Vec<Slot>> {
    let projects: Vec<uuid::Uuid> = projects.iter().map(|id| id.uuid()).collect();
    let rows = select!(
        "WHERE project_id = ANY($1) AND slot_id < $2 AND state <> 'free' ORDER BY slot_id DESC LIMIT $3",
        &projects,
        page.before(),
        page.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Slot::try_from).collect()
}

/// Slots whose turn's pod is not proven gone, those that nobody gave up first. Else by chance: where a round cannot look
/// at all of them, the next looks at others.
pub(super) async fn unproven(tx: &mut Tx, limit: i64) -> Result<Vec<Slot>> {
    let rows = select!(
        "WHERE state IN ('draining', 'quarantined')
            OR (state = 'held' AND EXISTS (SELECT FROM run_turns t
                    WHERE t.run_id = slots.run_id AND t.turn = slots.turn AND t.pod_gone_at IS NULL))
         ORDER BY (state = 'quarantined'), random() LIMIT $1",
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Slot::try_from).collect()
}

/// Slots whose hold is over, locked; those another process looks at are left to it.
pub(super) async fn overdue_holds(tx: &mut Tx) -> Result<Vec<Slot>> {
    let now = tx.moment();
    let rows = select!(
        "WHERE state = 'held' AND held_until <= $1 FOR UPDATE SKIP LOCKED",
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Slot::try_from).collect()
}

pub(super) async fn insert_free(tx: &mut Tx, project_id: ProjectId, number: i32) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO slots (slot_id, project_id, number, state, changed_at) VALUES ($1, $2, $3, 'free', $4)
         ON CONFLICT ON CONSTRAINT slots_number_key DO NOTHING",
        SlotId::new() as SlotId,
        project_id as ProjectId,
        number,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn count(tx: &mut Tx, project_id: ProjectId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT coalesce((SELECT slot_limit FROM projects WHERE project_id = $1),
               (SELECT count(*) FROM slots WHERE project_id = $1)) AS "count!""#,
        project_id as ProjectId,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

/// How much of what its project may use is taken.
pub(super) struct Room {
    pub(super) limit: Option<i32>,
    pub(super) taken: i64,
}

pub(super) async fn room(tx: &mut Tx, project_id: ProjectId) -> Result<Room> {
    let room = sqlx::query_as!(
        Room,
        r#"SELECT slot_limit AS "limit",
               (SELECT count(*) FROM slots s WHERE s.project_id = p.project_id AND s.state <> 'free') AS "taken!"
           FROM projects p WHERE project_id = $1"#,
        project_id as ProjectId,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(room)
}

pub(super) async fn save(tx: &mut Tx, slot: &Slot) -> Result<()> {
    let now = tx.moment();
    let lease = slot.state.lease();
    let (held_until, draining_since, reason) = match &slot.state {
        SlotState::Held { until, .. } => (Some(*until), None, None),
        SlotState::Draining { since, .. } => (None, Some(*since), None),
        SlotState::Quarantined { since, reason, .. } => (None, Some(*since), Some(reason.as_str())),
        SlotState::Free | SlotState::Leased(_) => (None, None, None),
    };
    sqlx::query!(
        "UPDATE slots SET state = $2, run_id = $3, turn = $4, fence = $5, held_until = $6, draining_since = $7,
             reason = $8, changed_at = $9
         WHERE slot_id = $1",
        slot.slot_id as SlotId,
        slot.state.as_str(),
        lease.map(|lease| lease.run_id) as Option<RunId>,
        lease.map(|lease| lease.turn),
        lease.map(|lease| lease.fence),
        held_until.map(ToSqlx::to_sqlx),
        draining_since.map(ToSqlx::to_sqlx),
        reason,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a batch of a deleted project's slots; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM slots WHERE slot_id IN (SELECT slot_id FROM slots WHERE project_id = $1 LIMIT $2)",
    ))
}
