//! GET with `watch=true`: changes as they happen, one JSON document per line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use http::header;
use rand::Rng;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use super::path::Target;
use super::query::{Query, Shape};
use super::{Api, format, read};
use crate::error::{ApiError, Result};
use crate::kinds::Kind;
use crate::object::namespace;
use crate::store::selector::Selector;
use crate::store::{Change, State, Store, What};

/// How often a quiet watch is told the present version; a real server does so about once a minute.
const BOOKMARKS: Duration = Duration::from_mins(1);

struct Watch {
    store: Arc<Store>,
    changes: Receiver<u64>,
    cuts: Receiver<u64>,
    kind: &'static Kind,
    namespace: Option<String>,
    selector: Selector,
    shape: Shape,
    /// Everything up to this version was looked at.
    seen: u64,
    waiting: VecDeque<Value>,
    is_first: bool,
    is_over: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    until: Instant,
}

pub(super) fn start(api: &Api, target: &Target, query: &Query) -> Result<Response> {
    let selector = read::selector(target, query)?;
    let seconds = query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let seconds = seconds
        .unwrap_or_else(|| rand::rng().random_range(1800..3600))
        .min(86_400);
    let mut watch = Watch {
        changes: api.store.changes(),
        cuts: api.faults.cuts(),
        store: Arc::clone(&api.store),
        kind: target.kind,
        namespace: target.namespace.clone(),
        selector,
        shape: query.shape(),
        seen: 0,
        waiting: VecDeque::new(),
        is_first: true,
        is_over: false,
        bookmarks: query.flag("allowWatchBookmarks"),
        next_bookmark: Instant::now() + BOOKMARKS,
        until: Instant::now() + Duration::from_secs(seconds),
    };
    watch.begin(query)?;
    let body = Body::from_stream(watch.stream());
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

impl Watch {
    /// Finds where to start: after a version, or with the present state.
    fn begin(&mut self, query: &Query) -> Result<()> {
        let asked = query.number("resourceVersion")?.unwrap_or(0);
        let initial = query.get("sendInitialEvents");
        if initial.is_some() && query.get("resourceVersionMatch") != Some("NotOlderThan") {
            return Err(ApiError::bad_request(
                "sendInitialEvents requires resourceVersionMatch=NotOlderThan",
            ));
        }
        let replays = initial.map_or(asked == 0, |value| value == "true");
        let store = Arc::clone(&self.store);
        store.read(|state| {
            if asked > state.version() {
                // A version of another life of this simulator: only a new list helps.
                self.expire(asked, state.version());
            } else if replays {
                self.seen = state.version();
                self.replay(state, initial.is_some());
            } else {
                self.seen = if asked == 0 { state.version() } else { asked };
            }
        });
        Ok(())
    }

    fn replay(&mut self, state: &State, is_streaming_list: bool) {
        let space = self.namespace.clone();
        for object in state.list(self.kind, space.as_deref()) {
            if self.selector.matches(object) {
                self.push("ADDED", object);
            }
        }
        if is_streaming_list {
            self.bookmark(state.version(), json!({"k8s.io/initial-events-end": "true"}));
        }
    }

    fn push(&mut self, event: &str, object: &Value) {
        let object = format::watched(self.shape, self.kind, object, std::mem::take(&mut self.is_first));
        self.waiting.push_back(json!({"type": event, "object": object}));
    }

    fn bookmark(&mut self, version: u64, annotations: Value) {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if annotations.as_object().is_some_and(|map| !map.is_empty()) {
            metadata["annotations"] = annotations;
        }
        let object =
            json!({"kind": self.kind.name, "apiVersion": self.kind.api_version(), "metadata": metadata});
        self.waiting
            .push_back(json!({"type": "BOOKMARK", "object": object}));
    }

    fn expire(&mut self, asked: u64, oldest: u64) {
        let error = ApiError::expired(format!("too old resource version: {asked} ({oldest})"));
        self.waiting
            .push_back(json!({"type": "ERROR", "object": error.status()}));
        self.is_over = true;
    }

    /// Takes over what changed since the last look.
    fn catch_up(&mut self) {
        let store = Arc::clone(&self.store);
        store.read(|state| {
            let Some(changes) = state.since(self.seen) else {
                return self.expire(self.seen, state.version());
            };
            for change in changes {
                if change.kind == self.kind
                    && self
                        .namespace
                        .as_deref()
                        .is_none_or(|wanted| wanted == namespace(&change.object))
                {
                    self.take(change);
                }
            }
            self.seen = state.version();
        });
    }

    /// Turns a change into what this watch sees of it: leaving the selection is a deletion, entering it an addition.
    fn take(&mut self, change: &Change) {
        let did = change
            .before
            .as_ref()
            .is_some_and(|before| self.selector.matches(before));
        let does = self.selector.matches(&change.object);
        match change.what {
            What::Modified if did && does => self.push("MODIFIED", &change.object),
            What::Added | What::Modified if does => self.push("ADDED", &change.object),
            What::Modified | What::Deleted if did => self.push("DELETED", &change.object),
            _ => {}
        }
    }

    fn stream(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
        stream::unfold(Some(self), |watch| async move {
            let mut watch = watch?;
            match watch.next().await {
                Ok(Some(event)) => {
                    let mut line = event.to_string();
                    line.push('\n');
                    Some((Ok(Bytes::from(line)), Some(watch)))
                }
                Ok(None) => None,
                Err(broken) => Some((Err(broken), None)),
            }
        })
    }

    /// Waits for the next event; `None` when the watch ends as agreed, an error when it is to break off.
    async fn next(&mut self) -> std::io::Result<Option<Value>> {
        loop {
            if self.cuts.has_changed().unwrap_or(false) {
                return Err(std::io::Error::other(
                    "the watch breaks off: a fault was asked for",
                ));
            }
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            self.changes.mark_unchanged();
            self.catch_up();
            if !self.waiting.is_empty() {
                continue;
            }
            tokio::select! {
                changed = self.changes.changed() => if changed.is_err() { return Ok(None) },
                _ = self.cuts.changed() => return Err(std::io::Error::other("the watch breaks off")),
                () = sleep_until(self.until) => return Ok(None),
                () = sleep_until(self.next_bookmark) => {
                    self.next_bookmark = Instant::now() + BOOKMARKS;
                    if self.bookmarks {
                        self.bookmark(self.seen, json!({}));
                    }
                }
            }
        }
    }
}
