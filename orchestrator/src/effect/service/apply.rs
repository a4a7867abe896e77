//! Applying a write: claimed under the lane, done by the worker, settled by what it saw.

use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::{Effect, EffectResult, lane, save_and_tell};
use crate::clock::Clock;
use crate::effect::domain::{EffectEvent, EffectKind, EffectState};
use crate::effect::jobs::ApplyEffect;
use crate::effect::store;
use crate::error::{Error, Result};
use crate::id::EffectId;
use crate::orchestrator::Orchestrator;
use crate::ports::code_host::RepositoryRef;

/// An `applying` row older than this lost its job: jobs end after 30 s.
const STALE_AFTER: SignedDuration = SignedDuration::from_secs(45);
/// A write the host neither takes nor refuses is given up after this many tries.
const MAX_ATTEMPTS: i32 = 50;
const MAX_PAUSE: SignedDuration = SignedDuration::from_mins(10);
const BETWEEN_EDITS: SignedDuration = SignedDuration::from_secs(30);
/// A request begun by then ends, at the latest, with the holder's time in the lane.
const WRITE_WITHIN: Duration = Duration::from_secs(25);

/// A write in hand: nobody else writes for this installation meanwhile.
#[derive(Clone, Debug)]
pub struct Claim {
    pub effect: Effect,
    pub at: RepositoryRef,
    /// An earlier try may have done it: look before writing.
    pub look_first: bool,
    fence: i64,
    write_until: Instant,
}

impl Claim {
    /// Whether somebody else may hold the lane by the time a write that begins now is done.
    pub fn is_late(&self, clock: &Clock) -> bool {
        clock.instant() > self.write_until
    }
}

/// What asking for a write is answered.
#[derive(Debug)]
pub enum Claimed {
    Yes(Box<Claim>),
    /// Not yet: the lane is busy, or the write is due later.
    Later(Duration),
    /// It is over, or was never ready.
    No,
}

/// What the worker saw.
#[derive(Clone, Debug)]
pub enum Outcome {
    Done(EffectResult),
    /// The host will not, however often we ask.
    Rejected(String),
    /// Nobody knows whether it was done, or the host is away.
    Unknown(String),
    /// The host asks to wait: nothing was done, and the whole lane stands still.
    Wait(Duration, String),
}

/// Takes a ready write into hand, with the lane of its installation.
///
/// # Errors
///
/// `NotFound` if there is no such effect.
pub async fn claim(orchestrator: &Orchestrator, effect_id: EffectId, holder: &str) -> Result<Claimed> {
    let write_until = orchestrator.clock().instant() + WRITE_WITHIN;
    let mut tx = orchestrator.begin("effect.claim").await?;
    let mut effect = store::get_for_update(&mut tx, effect_id).await?;
    let orphaned = effect
        .applying_since
        .is_some_and(|since| tx.now().duration_since(since) >= STALE_AFTER);
    match effect.state {
        EffectState::Ready => {}
        EffectState::Applying if orphaned => {}
        EffectState::Applying => return Ok(Claimed::Later(Duration::from_secs(5))),
        _ => return Ok(Claimed::No),
    }
    if effect.not_before > tx.now() {
        return Ok(Claimed::Later(until(effect.not_before, tx.now())));
    }
    let at = crate::repository::at(&mut tx, effect.repository_id).await?;
    let fence = match lane::acquire(&mut tx, at.installation_id, holder).await? {
        lane::Lane::Held { fence } => fence,
        lane::Lane::Busy { until: free_at } => {
            return Ok(Claimed::Later(until(free_at, tx.now())));
        }
    };
    // A newer text of a write that failed, or that nobody settled: an older one may be there all the same.
    let look_first = effect.attempts > 0 || (effect.version > 1 && effect.result.is_none());
    if effect.state == EffectState::Ready {
        effect.take(EffectEvent::Claimed)?;
    }
    effect.attempts += 1;
    effect.lane_fence = Some(fence);
    effect.applying_since = Some(tx.now());
    save_and_tell(&mut tx, &effect).await?;
    tx.commit().await?;
    Ok(Claimed::Yes(Box::new(Claim {
        effect,
        at,
        look_first,
        fence,
        write_until,
    })))
}

fn until(at: jiff::Timestamp, now: jiff::Timestamp) -> Duration {
    let millis = u64::try_from(at.duration_since(now).as_millis()).unwrap_or(0);
    Duration::from_millis(millis.max(100))
}

/// Writes what became of a write in hand, and gives the lane back. A worker whose claim was taken over changes nothing.
///
/// # Errors
///
/// `Conflict` if another worker took the write over.
pub async fn settle(orchestrator: &Orchestrator, claim: &Claim, outcome: Outcome) -> Result<EffectState> {
    let mut tx = orchestrator.begin("effect.settle").await?;
    let mut effect = store::get_for_update(&mut tx, claim.effect.effect_id).await?;
    if effect.state != EffectState::Applying || effect.lane_fence != Some(claim.fence) {
        return Err(Error::Conflict("another worker took this write over".into()));
    }
    let mut pause = None;
    match outcome {
        Outcome::Done(result) => {
            effect.take(EffectEvent::Done)?;
            (effect.result, effect.reason) = (Some(result), None);
            effect.applied_at = Some(tx.now());
            effect.applied_version = Some(claim.effect.version);
            effect.attempts = 0;
        }
        Outcome::Rejected(why) => reject(&mut effect, why)?,
        Outcome::Unknown(why) if effect.attempts >= MAX_ATTEMPTS => {
            reject(&mut effect, format!("given up after {MAX_ATTEMPTS} tries: {why}"))?;
        }
        Outcome::Unknown(why) => {
            effect.take(EffectEvent::Postponed)?;
            effect.reason = Some(why);
            let doublings = u32::try_from(effect.attempts.clamp(0, 10)).unwrap_or(0);
            effect.not_before = tx.now() + SignedDuration::from_secs(1 << doublings).min(MAX_PAUSE);
        }
        Outcome::Wait(wait, why) => {
            effect.take(EffectEvent::Postponed)?;
            let wait = SignedDuration::try_from(wait).unwrap_or(MAX_PAUSE);
            effect.not_before = tx.now() + wait;
            // Nothing was done: a wish to wait is no try.
            effect.attempts -= 1;
            effect.reason = Some(why.clone());
            pause = Some((wait, why));
        }
    }
    if effect.state == EffectState::Applied && effect.version > claim.effect.version {
        effect.take(EffectEvent::Changed)?;
        let status = effect.write.kind() == EffectKind::StatusComment;
        effect.not_before = tx.now()
            + if status {
                BETWEEN_EDITS
            } else {
                SignedDuration::ZERO
            };
    }
    (effect.applying_since, effect.lane_fence) = (None, None);
    save_and_tell(&mut tx, &effect).await?;
    let pause = pause.as_ref().map(|(wait, why)| (*wait, why.as_str()));
    lane::release(&mut tx, claim.at.installation_id, claim.fence, pause).await?;
    tx.commit().await?;
    Ok(effect.state)
}

fn reject(effect: &mut Effect, why: String) -> Result<()> {
    effect.take(EffectEvent::Rejected)?;
    effect.reason = Some(why);
    Ok(())
}

/// Asks again for writes whose job may be lost; a live job makes the second ask nothing. Answers how many.
pub async fn reconcile(orchestrator: &Orchestrator) -> Result<usize> {
    let mut tx = orchestrator.begin("effect.reconcile").await?;
    let stale_before = tx.now() - STALE_AFTER;
    let due = store::due(&mut tx, stale_before).await?;
    drop(tx);
    for (effect_id, traceparent) in &due {
        // One transaction each: asking locks the live job's row, and many at once cross those of the queue itself.
        let mut tx = orchestrator.begin("effect.reconcile").await?;
        tx.follow(traceparent);
        let effect_id = *effect_id;
        tx.enqueue(ApplyEffect { effect_id }).await?;
        tx.commit().await?;
    }
    Ok(due.len())
}
