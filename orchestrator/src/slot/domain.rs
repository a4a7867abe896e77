//! Where a slot is between two leases. Pure.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::id::RunId;

/// No proof that the pod is gone for this long: the slot is taken out of use until a person or a proof frees it.
pub const QUARANTINE_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// A run that waits for people keeps its slot this long.
pub const HOLD: SignedDuration = SignedDuration::from_mins(5);

/// A person may make a hold last until this long from now.
pub const MAX_HOLD: SignedDuration = SignedDuration::from_hours(24);
/// Slots of one project.
pub const MAX_SLOTS: i32 = 1000;

/// The turn a slot is or was leased to. Everything that happens to a lease is checked against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub run_id: RunId,
    pub turn: i32,
    pub fence: i64,
}

/// Where a slot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotState {
    Free,
    Leased(Lease),
    /// Kept for a run that waits for people.
    Held {
        lease: Lease,
        until: Timestamp,
    },
    /// The lease is over; free once the pod is proven gone.
    Draining {
        lease: Lease,
        since: Timestamp,
    },
    /// Nobody could prove it for too long.
    Quarantined {
        lease: Lease,
        since: Timestamp,
        reason: String,
    },
}

/// What happens to a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotEvent {
    Leased(Lease),
    /// Its run parked.
    Held {
        until: Timestamp,
    },
    /// A person wants the hold to last.
    Extended {
        until: Timestamp,
    },
    /// The run's turn, or the hold, is over.
    Drained {
        at: Timestamp,
    },
    /// The Job answers 404 and a quorum list of its pods is empty.
    PodGone,
    /// No proof for [`QUARANTINE_AFTER`].
    ProofMissing {
        reason: String,
    },
}

/// An event that makes no sense in a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slot that is {from} cannot be {event}")]
pub struct Refused {
    pub from: &'static str,
    pub event: &'static str,
}

impl SlotState {
    /// Returns the state that `event` leads to, or [`Refused`] if it makes no sense here.
    pub fn apply(self, event: SlotEvent) -> Result<Self, Refused> {
        use {SlotEvent as E, SlotState as S};
        Ok(match (self, event) {
            (S::Free, E::Leased(lease)) => S::Leased(lease),
            // Only the run that it is held for gets it back, with a newer turn and fence.
            (S::Held { lease: old, .. }, E::Leased(lease))
                if old.run_id == lease.run_id && old.fence < lease.fence =>
            {
                S::Leased(lease)
            }
            (S::Leased(lease), E::Held { until }) | (S::Held { lease, .. }, E::Extended { until }) => {
                S::Held { lease, until }
            }
            (S::Leased(lease) | S::Held { lease, .. }, E::Drained { at }) => S::Draining { lease, since: at },
            (S::Draining { .. } | S::Quarantined { .. }, E::PodGone) => S::Free,
            (S::Draining { lease, since }, E::ProofMissing { reason }) => {
                S::Quarantined { lease, since, reason }
            }
            (from, event) => {
                return Err(Refused {
                    from: from.as_str(),
                    event: event.as_str(),
                });
            }
        })
    }

    /// The word of the column.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Leased(_) => "leased",
            Self::Held { .. } => "held",
            Self::Draining { .. } => "draining",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Whose slot it is or was last.
    pub fn lease(&self) -> Option<Lease> {
        match self {
            Self::Free => None,
            Self::Leased(lease)
            | Self::Held { lease, .. }
            | Self::Draining { lease, .. }
            | Self::Quarantined { lease, .. } => Some(*lease),
        }
    }
}

impl fmt::Display for SlotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SlotEvent {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Leased(_) => "leased",
            Self::Held { .. } => "held",
            Self::Extended { .. } => "held longer",
            Self::Drained { .. } => "drained",
            Self::PodGone => "freed by a proof",
            Self::ProofMissing { .. } => "quarantined",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(fence: i64) -> Lease {
        Lease {
            run_id: RunId::from(uuid::Uuid::nil()),
            turn: 1,
            fence,
        }
    }

    #[test]
    fn the_whole_machine() {
        let at = Timestamp::UNIX_EPOCH;
        let states = [
            SlotState::Free,
            SlotState::Leased(lease(1)),
            SlotState::Held {
                lease: lease(1),
                until: at,
            },
            SlotState::Draining {
                lease: lease(1),
                since: at,
            },
            SlotState::Quarantined {
                lease: lease(1),
                since: at,
                reason: "test".into(),
            },
        ];
        let events = [
            SlotEvent::Leased(lease(2)),
            SlotEvent::Held { until: at },
            SlotEvent::Extended { until: at },
            SlotEvent::Drained { at },
            SlotEvent::PodGone,
            SlotEvent::ProofMissing {
                reason: "test".into(),
            },
        ];
        let mut table = Vec::new();
        for state in &states {
            for event in &events {
                if let Ok(next) = state.clone().apply(event.clone()) {
                    table.push(format!("{state:<11} --{:>17} --> {next}", event.as_str()));
                }
            }
        }
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn a_held_slot_goes_back_only_to_its_run_under_a_newer_fence() {
        let held = SlotState::Held {
            lease: lease(3),
            until: Timestamp::UNIX_EPOCH,
        };
        let stranger = Lease {
            run_id: RunId::new(),
            turn: 1,
            fence: 9,
        };
        assert!(held.clone().apply(SlotEvent::Leased(stranger)).is_err());
        assert!(held.clone().apply(SlotEvent::Leased(lease(3))).is_err());
        assert_eq!(
            held.apply(SlotEvent::Leased(lease(4))).unwrap(),
            SlotState::Leased(lease(4))
        );
    }
}
