//! How fast an agent may ask for what costs others something: live reads of GitHub, lines of a timeline.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use orchestrator::id::RunId;
use orchestrator::{Error, Result};

/// Such calls that a run may make at once.
const BURST: u32 = 30;
/// One more is allowed this often.
const EVERY: Duration = Duration::from_secs(2);
/// Runs remembered before those that have rested are forgotten.
const RUNS: usize = 1024;

/// One bucket per run.
pub(crate) struct Pace {
    clock: DefaultClock,
    runs: DefaultKeyedRateLimiter<RunId>,
}

impl Default for Pace {
    fn default() -> Self {
        let burst = NonZeroU32::new(BURST).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(EVERY).unwrap_or(Quota::per_second(burst));
        Self {
            clock: DefaultClock::default(),
            runs: RateLimiter::keyed(quota.allow_burst(burst)),
        }
    }
}

impl Pace {
    /// Takes one call of a run.
    ///
    /// # Errors
    ///
    /// `RateLimited`, with the time until the next is allowed.
    pub(crate) fn take(&self, run_id: RunId) -> Result<()> {
        if self.runs.len() > RUNS {
            self.runs.retain_recent();
        }
        self.runs.check_key(&run_id).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
            Error::RateLimited {
                message: format!(
                    "this run asks too often: {BURST} calls at once, then one every {} s; go on with what you know",
                    EVERY.as_secs()
                ),
                retry_after_ms,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_slowed_and_no_other() {
        let pace = Pace::default();
        let (busy, other) = (RunId::new(), RunId::new());
        // The bucket fills while it is emptied: by one in two seconds.
        let refused = (0..1000).find_map(|_| pace.take(busy).err());
        let Some(Error::RateLimited { retry_after_ms, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!((1..=2000).contains(&retry_after_ms), "{retry_after_ms}");
        assert!(pace.take(other).is_ok());
    }
}
