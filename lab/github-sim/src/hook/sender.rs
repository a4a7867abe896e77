use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fault::DeliveryEffect;
use super::send::attempt;
use crate::sim::Inner;
use crate::world::Outgoing;

/// Events that may wait to be sent.
const QUEUE: usize = 10_000;
/// How long a reordered delivery waits for one to overtake it.
const HELD: Duration = Duration::from_secs(5);

/// The queue in front of the task that sends.
pub(crate) struct Sender {
    queue: mpsc::Sender<Outgoing>,
    /// Deliveries queued, held, delayed or under way.
    pending: Arc<AtomicU64>,
}

impl Sender {
    /// Makes the queue; [`run`] empties it.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Outgoing>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (
            Self {
                queue,
                pending: Arc::default(),
            },
            waiting,
        )
    }

    /// Queues an event. When the queue is full it is lost, which GitHub allows itself too.
    pub(crate) fn push(&self, outgoing: Outgoing) {
        self.pending.fetch_add(1, Ordering::AcqRel);
        if let Err(lost) = self.queue.try_send(outgoing) {
            self.done();
            tracing::warn!(%lost, "a webhook delivery is lost");
        }
    }

    fn done(&self) {
        self.pending.fetch_sub(1, Ordering::AcqRel);
    }

    /// Waits until everything queued so far was sent, at most this long.
    pub(crate) async fn settle(&self, patience: Duration) -> Result<()> {
        let end = Instant::now() + patience;
        while self.pending.load(Ordering::Acquire) > 0 {
            if Instant::now() >= end {
                bail!("webhook deliveries are still under way after {patience:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Sends what is queued, this many at once and begun in their order, until the simulator stops.
    pub(crate) async fn run(sim: Arc<Inner>, mut waiting: mpsc::Receiver<Outgoing>, at_once: usize) {
        let places = Arc::new(Semaphore::new(at_once.max(1)));
        let mut under_way = JoinSet::new();
        let mut held: Option<(Outgoing, Instant)> = None;
        while let Ok(place) = places.clone().acquire_owned().await {
            while under_way.try_join_next().is_some() {}
            let mut turn = Vec::new();
            let until = held
                .as_ref()
                .map_or_else(|| Instant::now() + HELD, |(_, until)| *until);
            let next = tokio::time::timeout_at(until, waiting.recv()).await;
            if let Ok(Some(outgoing)) = next {
                let effect = sim.delivery_faults().take(&outgoing);
                if effect == Some(DeliveryEffect::Reorder) && held.is_none() {
                    held = Some((outgoing, Instant::now() + HELD));
                    continue;
                }
                turn.push((outgoing, effect));
            } else if let Ok(None) = next {
                return;
            }
            // In the same turn, so after the one that overtakes it.
            turn.extend(held.take().map(|(overtaken, _)| (overtaken, None)));
            let sim = sim.clone();
            under_way.spawn(async move {
                for (outgoing, effect) in turn {
                    Self::send(&sim, outgoing, effect).await;
                }
                drop(place);
            });
        }
    }

    async fn send(sim: &Arc<Inner>, outgoing: Outgoing, effect: Option<DeliveryEffect>) {
        if let Some(DeliveryEffect::Delay { milliseconds }) = effect {
            let sim = sim.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                attempt(&sim, outgoing, None).await;
                sim.sender.done();
            });
            return;
        }
        if effect == Some(DeliveryEffect::Duplicate) {
            attempt(sim, outgoing.clone(), None).await;
        }
        attempt(sim, outgoing, effect.as_ref()).await;
        sim.sender.done();
    }
}
