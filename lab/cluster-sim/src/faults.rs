//! Faults a test or a person can ask for, by `POST /_sim/faults` or in process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::store::Store;

/// How many faults may wait at a time.
const MOST: usize = 256;

/// Something that goes wrong. `resource` is a plural (`jobs`); absent means any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The next `times` updates, patches and deletions are refused with `409 Conflict`.
    Conflict { resource: Option<String>, times: u32 },
    /// All open watches break off in the middle of the stream.
    DropWatches,
    /// History is forgotten: watches that resume are told `410 Expired` and have to list anew.
    ExpireWatches,
    /// The next `times` answers come late by `milliseconds`.
    Slow {
        resource: Option<String>,
        milliseconds: u64,
        times: u32,
    },
    /// For `milliseconds` every call is answered with 503, or with a connection that breaks; watches break off.
    Outage { milliseconds: u64, broken: bool },
    /// The next `times` writes do what they should, and are answered with 500. `verb` as in `PATCH`.
    ErrorAfterEffect {
        resource: Option<String>,
        verb: Option<String>,
        times: u32,
    },
    /// A running container is killed and reported as `OOMKilled`.
    OomKill {
        namespace: String,
        pod: String,
        container: String,
    },
    /// The pod's node is lost: its processes are gone, nothing is reported, and the pod object is removed.
    LostNode { namespace: String, pod: String },
}

impl Fault {
    /// How many requests it still concerns.
    fn times(&self) -> u32 {
        match self {
            Self::Conflict { times, .. }
            | Self::Slow { times, .. }
            | Self::ErrorAfterEffect { times, .. } => *times,
            _ => 0,
        }
    }
}

/// What the kubelet is asked to do to a pod.
#[derive(Debug)]
pub(crate) enum Harm {
    Oom {
        namespace: String,
        pod: String,
        container: String,
    },
    Lost {
        namespace: String,
        pod: String,
    },
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Answered,
    Unavailable,
    Broken,
    Conflict,
    FailsAfterEffect,
}

#[derive(Debug, Default)]
struct Waiting {
    rules: Vec<Fault>,
    outage: Option<(Instant, bool)>,
}

/// The faults of one simulator.
#[derive(Debug, Clone)]
pub struct Faults {
    waiting: Arc<Mutex<Waiting>>,
    cut: watch::Sender<u64>,
    harm: mpsc::Sender<Harm>,
    store: Arc<Store>,
}

impl Faults {
    pub(crate) fn new(store: Arc<Store>) -> (Self, mpsc::Receiver<Harm>) {
        let (harm, harms) = mpsc::channel(64);
        (
            Self {
                waiting: Arc::default(),
                cut: watch::Sender::new(0),
                harm,
                store,
            },
            harms,
        )
    }

    /// Asks for a fault.
    ///
    /// # Errors
    ///
    /// If it is for no request at all, if 256 faults wait already, or if the kubelet is busy with earlier ones.
    pub fn inject(&self, fault: Fault) -> anyhow::Result<()> {
        match fault {
            Fault::DropWatches => self.cut_watches(),
            Fault::ExpireWatches => {
                self.store.write(crate::store::State::forget);
                self.cut_watches();
            }
            Fault::Outage { milliseconds, broken } => {
                let until = Instant::now() + Duration::from_millis(milliseconds);
                self.lock().outage = Some((until, broken));
                self.cut_watches();
            }
            Fault::OomKill {
                namespace,
                pod,
                container,
            } => {
                self.harm.try_send(Harm::Oom {
                    namespace,
                    pod,
                    container,
                })?;
            }
            Fault::LostNode { namespace, pod } => self.harm.try_send(Harm::Lost { namespace, pod })?,
            rule => {
                anyhow::ensure!(rule.times() > 0, "`times` must be at least 1");
                let mut waiting = self.lock();
                anyhow::ensure!(
                    waiting.rules.len() < MOST,
                    "{MOST} faults wait already: clear some first"
                );
                waiting.rules.push(rule);
            }
        }
        Ok(())
    }

    /// Forgets all faults that wait, and ends an outage.
    pub fn clear(&self) {
        *self.lock() = Waiting::default();
    }

    /// Lists the faults that still wait for a request.
    pub fn waiting(&self) -> Vec<Fault> {
        self.lock().rules.clone()
    }

    /// Gives a receiver that is woken when all watches must break off.
    pub(crate) fn cuts(&self) -> watch::Receiver<u64> {
        self.cut.subscribe()
    }

    fn cut_watches(&self) {
        self.cut.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how long a request waits and what happens to it, and counts it.
    pub(crate) fn meet(&self, method: &str, resource: &str) -> (Duration, Fate) {
        let mut waiting = self.lock();
        let mut delay = Duration::ZERO;
        match waiting.outage {
            Some((until, true)) if Instant::now() < until => return (delay, Fate::Broken),
            Some((until, false)) if Instant::now() < until => return (delay, Fate::Unavailable),
            _ => waiting.outage = None,
        }
        let is_change = matches!(method, "PUT" | "PATCH" | "DELETE");
        let is_write = is_change || method == "POST";
        let concerns = |wanted: &Option<String>| wanted.as_deref().is_none_or(|wanted| wanted == resource);
        let mut fate = Fate::Answered;
        for rule in &mut waiting.rules {
            match rule {
                Fault::Slow {
                    resource,
                    milliseconds,
                    times,
                } if concerns(resource) => {
                    delay = Duration::from_millis(*milliseconds);
                    *times = times.saturating_sub(1);
                }
                Fault::Conflict { resource, times }
                    if fate == Fate::Answered && is_change && concerns(resource) =>
                {
                    fate = Fate::Conflict;
                    *times = times.saturating_sub(1);
                }
                Fault::ErrorAfterEffect {
                    resource,
                    verb,
                    times,
                } if fate == Fate::Answered
                    && is_write
                    && concerns(resource)
                    && verb
                        .as_deref()
                        .is_none_or(|verb| verb.eq_ignore_ascii_case(method)) =>
                {
                    fate = Fate::FailsAfterEffect;
                    *times = times.saturating_sub(1);
                }
                _ => {}
            }
        }
        waiting.rules.retain(|rule| rule.times() > 0);
        (delay, fate)
    }
}
