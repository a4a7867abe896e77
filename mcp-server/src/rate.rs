//! How many calls a caller may make over time, and how often an address may come without a token that counts.
//!
//! Both buckets are one process's own. Who has a token is slowed by what it asks for and by nothing that others do; who has
//! none is slowed by its address, so that guessing is slow and fills no log.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use orchestrator::actor::Actor;
use orchestrator::{Error, Result};

use crate::room::Who;

/// Seconds of calls that one caller may make at once.
const CALLS_AHEAD: u32 = 6;
/// Requests without a token that counts, of one address at once.
const REFUSALS: u32 = 120;
/// One more is allowed this often.
const REFUSAL_EVERY: Duration = Duration::from_millis(200);
/// Callers and addresses remembered before those that have rested are forgotten.
const REMEMBERED: usize = 4096;

/// A bucket per key.
struct Buckets<K: Clone + Eq + Hash> {
    clock: DefaultClock,
    keys: DefaultKeyedRateLimiter<K>,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    fn new(burst: u32, every: Duration) -> Self {
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(every).unwrap_or(Quota::per_second(burst));
        Self {
            clock: DefaultClock::default(),
            keys: RateLimiter::keyed(quota.allow_burst(burst)),
        }
    }

    /// Takes one, or says after how many milliseconds there is one.
    fn take(&self, key: &K) -> std::result::Result<(), u64> {
        if self.keys.len() > REMEMBERED {
            self.keys.retain_recent();
        }
        self.keys.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
        })
    }
}

/// Calls per caller.
pub(crate) struct Rate(Buckets<Who>);

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        let per_second = per_second.max(1);
        let burst = per_second.saturating_mul(CALLS_AHEAD);
        Self(Buckets::new(burst, Duration::from_secs(1) / per_second))
    }

    /// Takes one call of a caller.
    ///
    /// # Errors
    ///
    /// `RateLimited`, with the time until the next is allowed.
    pub(crate) fn take(&self, actor: &Actor) -> Result<()> {
        self.0
            .take(&Who::of(actor))
            .map_err(|retry_after_ms| Error::RateLimited {
                message:
                    "this caller asks too often; wait, and use wait_ms in the place of asking again and again"
                        .into(),
                retry_after_ms,
            })
    }
}

/// Refused tokens per address.
pub(crate) struct Strangers(Buckets<IpAddr>);

impl Default for Strangers {
    fn default() -> Self {
        Self(Buckets::new(REFUSALS, REFUSAL_EVERY))
    }
}

impl Strangers {
    /// Takes one refusal of an address, or says after how many milliseconds there is one.
    pub(crate) fn take(&self, address: IpAddr) -> std::result::Result<(), u64> {
        self.0.take(&network(address))
    }
}

/// What one client has of addresses: one of IPv4, 2^64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(prefix.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_addresses_is_one_stranger() {
        let strangers = Strangers::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let refused = (0..10_000u32).find_map(|n| {
            strangers
                .take(address(&format!("2001:db8::{:x}", n % 9999)))
                .err()
        });
        assert!(
            refused.is_some_and(|wait| (1..=200).contains(&wait)),
            "{refused:?}"
        );
        assert!(strangers.take(address("2001:db8:0:1::1")).is_ok());
        assert!(strangers.take(address("192.0.2.1")).is_ok());
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn a_caller_is_slowed_and_no_other() {
        let rate = Rate::new(50);
        let person = |login: &str| Actor::Person {
            person_id: orchestrator::id::PersonId::new(),
            login: login.to_owned(),
            platform_role: None,
            signed_in_at: None,
        };
        let (busy, other) = (person("busy"), person("other"));
        let refused = (0..10_000).find_map(|_| rate.take(&busy).err());
        assert!(
            matches!(
                refused,
                Some(Error::RateLimited {
                    retry_after_ms: 1..=20,
                    ..
                })
            ),
            "{refused:?}"
        );
        assert!(rate.take(&other).is_ok());
    }
}
