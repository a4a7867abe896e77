//! Why a slot is not free: in a sentence, and what to do.

use jiff::{SignedDuration, Timestamp};

use super::domain::SlotState;
use super::service::{self, Slot};
use super::store::{self, Room};
use crate::actor::Actor;
use crate::error::Result;
use crate::id::SlotId;
use crate::orchestrator::Orchestrator;

/// Why a slot is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub slot: Slot,
    pub summary: String,
    pub next: String,
}

/// Explains a slot.
///
/// # Errors
///
/// `NotFound`.
pub async fn explain(orchestrator: &Orchestrator, actor: &Actor, slot_id: SlotId) -> Result<Explanation> {
    let slot = service::get(orchestrator, actor, slot_id).await?;
    let mut tx = orchestrator.begin("slot.explain").await?;
    let room = store::room(&mut tx, slot.project_id).await?;
    let (mut summary, mut next) = words(&slot.state, slot.changed_at, tx.now());
    if let Some((why, what)) = full(&slot.state, &room) {
        summary.push_str(&why);
        next = what.unwrap_or(next);
    }
    Ok(Explanation { slot, summary, next })
}

/// Why no other run gets this slot even when it is free, and what to do about a free one.
fn full(state: &SlotState, room: &Room) -> Option<(String, Option<String>)> {
    let (limit, taken) = (room.limit?, room.taken);
    let beyond = taken - i64::from(limit);
    if *state == SlotState::Free && beyond >= 0 {
        let why = format!("; but the project may use {limit} slots at once, and {taken} are taken");
        let next = "wait for one to come free, or let an operator raise the limit with slot_limit_set";
        return Some((why, Some(next.into())));
    }
    (beyond > 0).then(|| {
        let why = format!(
            "; the project may use {limit} slots at once, and {taken} are taken: no run is given one until fewer are"
        );
        (why, None)
    })
}

fn words(state: &SlotState, changed_at: Timestamp, now: Timestamp) -> (String, String) {
    let since = minutes(now.duration_since(changed_at));
    match state {
        SlotState::Free => (
            format!("it is free for {since}: the next run of its project can have it"),
            "nothing; why a run is not admitted all the same is said by run_explain".into(),
        ),
        SlotState::Leased(lease) => (
            format!("run {} has worked in it for {since} (turn {})", lease.run_id, lease.turn),
            "wait for its end, or stop it with run_cancel".into(),
        ),
        SlotState::Held { lease, until } => (
            format!(
                "it is kept for run {}, which waits for people, for another {}",
                lease.run_id,
                minutes(until.duration_since(now))
            ),
            "answer the run's question; slot_release gives the slot to others at once, slot_extend keeps it longer".into(),
        ),
        SlotState::Draining { lease, since } => (
            format!(
                "turn {} of run {} is over for {}; its pod is not proven gone yet",
                lease.turn,
                lease.run_id,
                minutes(now.duration_since(*since))
            ),
            "nothing: the cluster is asked every few seconds; after ten minutes without proof it is quarantined".into(),
        ),
        SlotState::Quarantined { lease, since, reason } => (
            format!(
                "for {} nobody could prove that the pod of run {} is gone: {reason}",
                minutes(now.duration_since(*since)),
                lease.run_id
            ),
            "see to it that the cluster answers, or delete the pod there; on proof the slot comes free by itself".into(),
        ),
    }
}

fn minutes(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    if seconds < 120 {
        format!("{seconds} s")
    } else {
        format!("{} min", seconds / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RunId;
    use crate::slot::Lease;

    #[test]
    fn a_project_above_its_limit_drains() {
        let lease = Lease {
            run_id: RunId::from(uuid::Uuid::nil()),
            turn: 1,
            fence: 1,
        };
        let told = |state: &SlotState, limit, taken| full(state, &Room { limit, taken }).map(|(why, _)| why);
        let (free, leased) = (SlotState::Free, SlotState::Leased(lease));
        assert_eq!(told(&free, None, 9), None);
        assert_eq!(told(&free, Some(3), 2), None);
        assert_eq!(told(&leased, Some(2), 2), None, "it is as it should be");
        assert!(told(&free, Some(0), 0).is_some_and(|why| why.contains("may use 0")));
        assert!(told(&free, Some(2), 2).is_some_and(|why| why.contains("2 are taken")));
        assert!(told(&leased, Some(1), 2).is_some_and(|why| why.contains("until fewer")));
    }

    #[test]
    fn every_state_says_what_to_do() {
        let lease = Lease {
            run_id: RunId::from(uuid::Uuid::nil()),
            turn: 2,
            fence: 3,
        };
        let at = Timestamp::UNIX_EPOCH;
        let now = at + SignedDuration::from_mins(7);
        let states = [
            SlotState::Free,
            SlotState::Leased(lease),
            SlotState::Held {
                lease,
                until: now + SignedDuration::from_secs(30),
            },
            SlotState::Draining { lease, since: at },
            SlotState::Quarantined {
                lease,
                since: at,
                reason: "the cluster is away".into(),
            },
        ];
        let lines: Vec<_> = states
            .iter()
            .map(|state| {
                let (summary, next) = words(state, at, now);
                format!("{state}: {summary}\n    {next}")
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
