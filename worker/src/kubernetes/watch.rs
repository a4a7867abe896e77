//! Hints that something changed: one watch per namespace of ours, all feeding one counter.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};
use tokio_util::task::AbortOnDropHandle;

use super::names::Names;

/// Longest time without a hint: whoever waits looks again anyhow, because a hint may be lost.
const AT_MOST: Duration = Duration::from_secs(10);

/// The one watch of this process. It holds a counter and no objects, so nothing can pile up.
pub(super) struct Changes {
    /// What the waiter has seen. A change between two waits is not lost: the counter has moved.
    seen: Mutex<watch::Receiver<u64>>,
    _task: AbortOnDropHandle<()>,
}

impl Changes {
    /// Begins to watch; ends when dropped.
    pub(super) fn begin(client: Client, names: Names) -> Self {
        let (changed, seen) = watch::channel(0);
        let task = AbortOnDropHandle::new(tokio::spawn(follow_all(client, names, changed)));
        Self {
            seen: Mutex::new(seen),
            _task: task,
        }
    }

    /// Waits for the next change, or for a while.
    pub(super) async fn next(&self) {
        let wait = async {
            let mut seen = self.seen.lock().await;
            // The sender lives as long as the task, which lives as long as we.
            let _ = seen.changed().await;
        };
        let _ = tokio::time::timeout(AT_MOST, wait).await;
    }
}

/// Follows the list of namespaces, and within each its Jobs and pods.
async fn follow_all(client: Client, names: Names, changed: watch::Sender<u64>) {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
    let mut events = std::pin::pin!(watcher(api, selecting(&names)).default_backoff());
    let mut followed: HashMap<String, AbortOnDropHandle<()>> = HashMap::new();
    let mut listed: HashSet<String> = HashSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(found) | Event::Apply(found)) => {
                let name = found.name_any();
                listed.insert(name.clone());
                followed.entry(name.clone()).or_insert_with(|| {
                    AbortOnDropHandle::new(tokio::spawn(follow(
                        client.clone(),
                        names.clone(),
                        name,
                        changed.clone(),
                    )))
                });
            }
            Ok(Event::InitDone) => followed.retain(|name, _| listed.contains(name)),
            Ok(Event::Delete(gone)) => drop(followed.remove(&gone.name_any())),
            Err(error) => tracing::debug!(%error, "the watch of namespaces is interrupted"),
        }
    }
}

async fn follow(client: Client, names: Names, namespace: String, changed: watch::Sender<u64>) {
    let pods = follow_kind::<Pod>(&client, &names, &namespace, &changed);
    let jobs = follow_kind::<Job>(&client, &names, &namespace, &changed);
    tokio::join!(pods, jobs);
}

async fn follow_kind<K>(client: &Client, names: &Names, namespace: &str, changed: &watch::Sender<u64>)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    K: Send + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::namespaced(client.clone(), namespace);
    let mut events = std::pin::pin!(watcher(api, selecting(names)).default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init | Event::InitApply(_)) => {}
            Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => {
                changed.send_modify(|count| *count = count.wrapping_add(1));
            }
            Err(error) => tracing::debug!(%error, namespace, kind = %K::kind(&()), "a watch is interrupted"),
        }
    }
}

fn selecting(names: &Names) -> watcher::Config {
    watcher::Config::default().labels(&names.all())
}
