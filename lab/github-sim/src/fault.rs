//! What can be made to go wrong, on purpose and a given number of times.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::http::Problem;

/// A fault that waits for requests that fit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    /// `GET`, `POST`...; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Path without `/api/v3`; `*` stands for one segment, `**` at the end for the rest.
    pub path: String,
    /// How many requests it hits.
    #[serde(default = "one")]
    pub count: u32,
    /// How many requests that fit go by unharmed first.
    #[serde(default)]
    pub skip: u32,
    #[serde(flatten)]
    pub effect: Effect,
}

fn one() -> u32 {
    1
}

impl Fault {
    /// Hits the next request of this method and path once.
    pub fn once(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            method: Some(method.to_owned()),
            path: path.to_owned(),
            count: 1,
            skip: 0,
            effect,
        }
    }
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// Nothing is done; the answer is this 5xx.
    ErrorBefore {
        status: u16,
    },
    /// The work is done, but the answer is this 5xx.
    ErrorAfter {
        status: u16,
    },
    /// 403 with the text of a secondary rate limit, with or without `retry-after` (seconds).
    SecondaryLimit {
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 429, with or without `retry-after` (seconds).
    TooManyRequests {
        #[serde(default)]
        retry_after: Option<u64>,
    },
    Slow {
        milliseconds: u64,
    },
    /// The connection closes without an answer; nothing is done.
    BrokenBefore,
    /// The work is done, then the connection closes without an answer.
    BrokenAfter,
    /// A read answers what was true before the last write made while this fault waits.
    StaleRead,
}

impl Effect {
    /// Returns the refusal given instead of doing anything.
    pub(crate) fn refusal(&self) -> Option<Problem> {
        let limit =
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        match self {
            Self::ErrorBefore { status } => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Some(Problem::new(status, "Server Error"))
            }
            Self::SecondaryLimit { retry_after } => Some(Problem {
                retry_after: *retry_after,
                ..Problem::new(StatusCode::FORBIDDEN, limit)
            }),
            Self::TooManyRequests { retry_after } => Some(Problem {
                retry_after: *retry_after,
                ..Problem::new(StatusCode::TOO_MANY_REQUESTS, limit)
            }),
            _ => None,
        }
    }
}

/// The faults that are armed, in the order they were given.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Fault>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.armed.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.armed
    }

    /// Says whether a stale read waits, for which the past must be kept.
    pub(crate) fn wants_past(&self) -> bool {
        self.armed.iter().any(|fault| fault.effect == Effect::StaleRead)
    }

    /// Takes the effect of the first fault that fits, and uses it up by one.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<Effect> {
        let fits = |fault: &Fault| {
            fault
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && matches(&fault.path, path)
        };
        let at = self.armed.iter().position(fits)?;
        let fault = &mut self.armed[at];
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.count = fault.count.saturating_sub(1);
        let effect = fault.effect.clone();
        if fault.count == 0 {
            self.armed.remove(at);
        }
        Some(effect)
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut given = path.split('/');
    for part in pattern.split('/') {
        match (part, given.next()) {
            ("**", _) => return true,
            ("*", Some(_)) => {}
            (part, Some(segment)) if part == segment => {}
            _ => return false,
        }
    }
    given.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_segments() {
        assert!(matches(
            "/repos/*/*/issues/*/comments",
            "/repos/a/b/issues/1/comments"
        ));
        assert!(matches("/repos/**", "/repos/a/b/issues/1/comments"));
        assert!(!matches("/repos/*", "/repos/a/b"));
        assert!(!matches("/repos/*/*/issues", "/repos/a/b"));
    }

    #[test]
    fn a_fault_skips_then_hits_then_is_gone() {
        let mut faults = Faults::default();
        faults.add(Fault {
            skip: 1,
            count: 2,
            ..Fault::once("POST", "/a", Effect::BrokenBefore)
        });
        let hits: Vec<_> = (0..4).map(|_| faults.take("POST", "/a").is_some()).collect();
        assert_eq!(hits, [false, true, true, false]);
        assert!(faults.list().is_empty());
    }
}
