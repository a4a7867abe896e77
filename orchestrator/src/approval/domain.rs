//! Where a wait is. Pure.

use crate::actor::words;

/// What is asked of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitKind {
    /// A question; any text answers it.
    Question,
    /// A privileged request; `approved` or `denied` answers it.
    Approval,
}

words!(WaitKind: Question = "question", Approval = "approval");

/// Where a wait is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitState {
    Open,
    Answered,
    Expired,
    Cancelled,
}

words!(WaitState: Open = "open", Answered = "answered", Expired = "expired", Cancelled = "cancelled");

impl WaitState {
    /// An end is an end: only an open wait moves.
    pub fn may_become(self, next: Self) -> bool {
        self == Self::Open && next != Self::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_wait_moves() {
        for from in WaitState::ALL {
            for to in WaitState::ALL {
                assert_eq!(
                    from.may_become(*to),
                    *from == WaitState::Open && *to != WaitState::Open
                );
            }
        }
    }
}
