//! The parts that every request shares.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::contract::Contract;
use crate::fault::Faults;
use crate::git::Git;
use crate::hook::{DeliveryFaults, Sender};
use crate::http::Route;
use crate::log::Log;
use crate::world::World;

pub(crate) struct Inner {
    /// Where the simulator is reached, without a slash at the end.
    pub(crate) web: String,
    pub(crate) git: Git,
    pub(crate) routes: Vec<Route>,
    pub(crate) contract: Contract,
    pub(crate) sender: Sender,
    /// Sends webhooks; bounded in time by each request.
    pub(crate) http: reqwest::Client,
    pub(crate) snapshot: Option<PathBuf>,
    pub(crate) control_key: Option<String>,
    world: Arc<Mutex<World>>,
    /// The world before the last write, kept while a stale read is armed.
    past: Mutex<Option<Arc<World>>>,
    log: Arc<Mutex<Log>>,
    faults: Mutex<Faults>,
    delivery_faults: Mutex<DeliveryFaults>,
    /// One push at a time and repository: refs are compared before and after.
    turns: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    /// Grows with each write; the snapshot follows it.
    writes: AtomicU64,
}

/// A poisoned lock only says that a request panicked; the lab goes on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a simulator is made of before it runs.
pub(crate) struct Parts {
    pub(crate) web: String,
    pub(crate) git: Git,
    pub(crate) routes: Vec<Route>,
    pub(crate) contract: Contract,
    pub(crate) sender: Sender,
    pub(crate) http: reqwest::Client,
    pub(crate) snapshot: Option<PathBuf>,
    pub(crate) control_key: Option<String>,
    pub(crate) world: World,
    pub(crate) log: Arc<Mutex<Log>>,
}

impl Inner {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            web: parts.web,
            git: parts.git,
            routes: parts.routes,
            contract: parts.contract,
            sender: parts.sender,
            http: parts.http,
            snapshot: parts.snapshot,
            control_key: parts.control_key,
            world: Arc::new(Mutex::new(parts.world)),
            past: Mutex::default(),
            log: parts.log,
            faults: Mutex::default(),
            delivery_faults: Mutex::default(),
            turns: Mutex::default(),
            writes: AtomicU64::new(0),
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    pub(crate) fn shared_world(&self) -> Arc<Mutex<World>> {
        self.world.clone()
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn delivery_faults(&self) -> MutexGuard<'_, DeliveryFaults> {
        lock(&self.delivery_faults)
    }

    pub(crate) fn past(&self) -> Option<Arc<World>> {
        lock(&self.past).clone()
    }

    /// Keeps the world as it is now, for stale reads to come.
    pub(crate) fn keep_past(&self) {
        let now = Arc::new(self.world().clone());
        *lock(&self.past) = Some(now);
    }

    /// Waits for the repository's turn to have refs moved.
    pub(crate) async fn push_turn(&self, repository: u64) -> OwnedMutexGuard<()> {
        let turn = lock(&self.turns).entry(repository).or_default().clone();
        turn.lock_owned().await
    }

    /// Hands the events made so far to the sender, in their order.
    pub(crate) fn flush(&self) {
        // The world stays locked meanwhile: another call's events must not slip in between.
        let mut world = self.world();
        for outgoing in std::mem::take(&mut world.outbox) {
            self.sender.push(outgoing);
        }
        drop(world);
        self.writes.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }
}
