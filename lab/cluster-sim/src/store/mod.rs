//! What the cluster remembers: objects in memory, one counter of versions, and the last changes for watches.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod events;
pub(crate) mod selector;
pub(crate) mod update;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::kinds::Kind;
use crate::object::{meta, name, namespace, uid};

/// How many changes a watch may lag behind before it is told `410 Expired`.
const HISTORY: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Added,
    Modified,
    Deleted,
}

/// One change, as a watch replays it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) kind: &'static Kind,
    pub(crate) what: What,
    pub(crate) object: Arc<Value>,
    /// What stood there before, so that a selector can tell "no longer matches".
    pub(crate) before: Option<Arc<Value>>,
}

type Objects = BTreeMap<(String, String), Arc<Value>>;

#[derive(Debug)]
pub(crate) struct State {
    version: u64,
    objects: BTreeMap<&'static Kind, Objects>,
    history: VecDeque<Change>,
    /// The newest version that fell out of `history`.
    forgotten: u64,
}

/// The store: every read and write holds one lock for as long as it computes, never across an await.
#[derive(Debug)]
pub(crate) struct Store {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Store {
    /// Makes an empty store whose versions continue above those of an earlier life on this clock, so that a client
    /// that outlived a simulator is told `Expired` and not shown a gap.
    pub(crate) fn new() -> Self {
        let version = u64::try_from(crate::clock::now().as_millisecond()).unwrap_or(1);
        let state = State {
            version,
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            forgotten: version,
        };
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(version),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock())
    }

    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = write(&mut state);
        let version = state.version;
        drop(state);
        self.changed
            .send_if_modified(|known| std::mem::replace(known, version) != version);
        result
    }

    /// Gives a receiver that is woken after each change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl State {
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, kind: &'static Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects
            .get(kind)?
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// Gives the objects of a kind in the order of namespace and name; `None` means all namespaces.
    pub(crate) fn list<'a>(
        &'a self,
        kind: &'static Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        self.objects
            .get(kind)
            .into_iter()
            .flatten()
            .filter(move |(key, _)| namespace.is_none_or(|wanted| wanted == key.0))
            .map(|(_, object)| object)
    }

    /// Gives every object with its kind.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static Kind, &Arc<Value>)> {
        self.objects
            .iter()
            .flat_map(|(kind, objects)| objects.values().map(|object| (*kind, object)))
    }

    /// Gives what changed after `version`, or `None` if that is no longer known.
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        if version < self.forgotten {
            return None;
        }
        let start = self.history.partition_point(|change| change.version <= version);
        Some(self.history.range(start..))
    }

    /// Forgets all changes, so that every watch that resumes is told `410 Expired`.
    pub(crate) fn forget(&mut self) {
        self.history.clear();
        // A step ahead: also who saw the very last change has to list anew.
        self.version += 1;
        self.forgotten = self.version;
    }

    /// Stores an object under a new version. An unchanged object keeps its version and makes no event.
    pub(crate) fn put(&mut self, kind: &'static Kind, mut object: Value) -> Arc<Value> {
        let key = (namespace(&object).to_owned(), name(&object).to_owned());
        let before = self
            .objects
            .get(kind)
            .and_then(|objects| objects.get(&key))
            .cloned();
        if let Some(before) = &before {
            meta(&mut object).insert(
                "resourceVersion".into(),
                before["metadata"]["resourceVersion"].clone(),
            );
            if **before == object {
                return Arc::clone(before);
            }
        }
        let object = Arc::new(self.versioned(object));
        self.objects
            .entry(kind)
            .or_default()
            .insert(key, Arc::clone(&object));
        let what = if before.is_some() {
            What::Modified
        } else {
            What::Added
        };
        self.record(kind, what, &object, before);
        object
    }

    /// Removes an object; asking twice changes nothing. The last event carries the version of the removal.
    pub(crate) fn remove(&mut self, kind: &'static Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let before = self
            .objects
            .get_mut(kind)?
            .remove(&(namespace.to_owned(), name.to_owned()))?;
        let object = Arc::new(self.versioned((*before).clone()));
        self.record(kind, What::Deleted, &object, Some(before));
        Some(object)
    }

    /// Changes an object on behalf of a controller; nothing happens if it is gone or was replaced by another of its name.
    pub(crate) fn modify(&mut self, kind: &'static Kind, of: &Value, change: impl FnOnce(&mut Value)) {
        let Some(current) = self.get(kind, namespace(of), name(of)) else {
            return;
        };
        if uid(&current) != uid(of) {
            return;
        }
        let mut object = (*current).clone();
        change(&mut object);
        self.settle(kind, &current, object);
    }

    /// Stores the next form of `current`: counts the generation, and lets the object go once nothing holds it.
    pub(crate) fn settle(&mut self, kind: &'static Kind, current: &Value, mut object: Value) -> Arc<Value> {
        if current.get("spec") != object.get("spec") {
            let generation = crate::object::integer(current, "/metadata/generation").unwrap_or(0) + 1;
            meta(&mut object).insert("generation".into(), json!(generation));
        }
        if delete::may_go(kind, &object) {
            let (namespace, name) = (namespace(&object).to_owned(), name(&object).to_owned());
            self.put(kind, object.clone());
            return self
                .remove(kind, &namespace, &name)
                .unwrap_or_else(|| Arc::new(object));
        }
        self.put(kind, object)
    }

    fn versioned(&mut self, mut object: Value) -> Value {
        self.version += 1;
        meta(&mut object).insert("resourceVersion".into(), Value::String(self.version.to_string()));
        object
    }

    fn record(&mut self, kind: &'static Kind, what: What, object: &Arc<Value>, before: Option<Arc<Value>>) {
        self.history.push_back(Change {
            version: self.version,
            kind,
            what,
            object: Arc::clone(object),
            before,
        });
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.version;
        }
    }
}
