//! The loops beside the work: heartbeat, log, usage, fresh tokens. Each is on its own, so none waits for another.

use std::time::Duration;

use contract::failure::ErrorCode;
use contract::runner::{Allowance, Heartbeat, Nothing};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::end::{Failure, Reason, Stop};
use super::log::Log;
use super::platform::{CallError, Platform};
use super::progress::ProgressFile;
use super::tokens::Tokens;
use super::usage::Meter;
use crate::clock;

/// Pause after a refresh that failed.
/// Two moments further apart than this are not one.
const UNLIKE: Duration = Duration::from_secs(5);
const REFRESH_AGAIN: Duration = Duration::from_secs(15);

/// What the loops share.
#[derive(Clone)]
pub(super) struct Beside {
    pub(super) platform: Platform,
    pub(super) tokens: Tokens,
    pub(super) log: Log,
    pub(super) meter: Meter,
    pub(super) progress: ProgressFile,
    /// When the program must have ended.
    pub(super) until: watch::Sender<Instant>,
    /// Time kept at the end of the turn.
    pub(super) margin: Duration,
    pub(super) period: Duration,
    /// How long the platform may be away before the turn is given up.
    pub(super) patience: Duration,
}

impl Beside {
    /// Starts the loops; they end when the set is dropped. The first reason to stop the turn is sent to `stop`.
    pub(super) fn start(self, stop: mpsc::Sender<Stop>) -> JoinSet<()> {
        let mut loops = JoinSet::new();
        let beside = self.clone();
        loops.spawn(async move {
            let reason = beside.beat().await;
            let _ = stop.send(reason).await;
        });
        let beside = self.clone();
        loops.spawn(async move {
            let remember = |offsets| beside.progress.note(|state| state.log_offsets = offsets);
            beside.log.keep_sending(&beside.platform, remember).await;
        });
        let beside = self.clone();
        loops.spawn(async move { beside.report_usage().await });
        loops.spawn(async move { self.refresh_tokens().await });
        loops
    }

    /// Beats until there is a reason to stop the turn.
    async fn beat(&self) -> Stop {
        let mut last = Instant::now();
        loop {
            match self
                .platform
                .call_once::<Heartbeat>("run_heartbeat", &Nothing {})
                .await
            {
                Ok(Heartbeat {
                    stop: true, state, ..
                }) => {
                    return Stop::Over(format!("the platform ends this turn: the run is {state}"));
                }
                Ok(beat) => {
                    last = Instant::now();
                    if let Some(allowance) = beat.allowance {
                        self.follow(&allowance);
                    }
                }
                Err(CallError::Refused(refusal)) if refusal.code == ErrorCode::StaleTurn => {
                    return Stop::Over(refusal.message);
                }
                Err(error) if last.elapsed() > self.patience => {
                    let text = format!("no heartbeat for {} s: {error}", last.elapsed().as_secs());
                    return Failure::new(Reason::Environment, "platform_unreachable", text).into();
                }
                Err(error) => tracing::warn!(%error, "a heartbeat did not arrive"),
            }
            tokio::time::sleep(self.period).await;
        }
    }

    /// Goes by what the platform allows now. What only the way of an answer changes is left as it is.
    fn follow(&self, allowance: &Allowance) {
        self.meter.allow(allowance.tokens, allowance.spent);
        let left = Duration::from_secs(allowance.active_seconds_left).saturating_sub(self.margin);
        let (now, before) = (Instant::now() + left, *self.until.borrow());
        if now.max(before).duration_since(now.min(before)) > UNLIKE {
            self.until.send_replace(now);
        }
    }

    async fn report_usage(&self) {
        loop {
            tokio::time::sleep(self.period).await;
            if let Err(error) = self.meter.report(&self.platform).await {
                tracing::warn!(%error, "failed to report usage");
            }
            let totals = self.meter.totals();
            self.progress.note(|state| state.usage = totals);
        }
    }

    async fn refresh_tokens(&self) {
        loop {
            tokio::time::sleep(self.tokens.until_half_life(clock::now())).await;
            match self.platform.refresh_tokens().await {
                // A token past its half-life again means that the clocks disagree; never ask in a tight loop.
                Ok(()) => tokio::time::sleep(self.period).await,
                Err(error) => {
                    tracing::warn!(%error, "failed to refresh the tokens");
                    tokio::time::sleep(REFRESH_AGAIN).await;
                }
            }
        }
    }
}
