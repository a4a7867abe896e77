//! GET of a pod's log.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::Api;
use super::path::Target;
use super::query::Query;
use crate::clock;
use crate::error::{ApiError, Result};
use crate::kubelet::logs::{Logs, Progress, parse};
use crate::object::{annotation, integer, list, name, text, uid};

/// The longest time one followed log stays open.
const FOLLOW: Duration = Duration::from_hours(4);

/// Which lines are wanted, and how.
struct Options {
    timestamps: bool,
    since: Option<Timestamp>,
    tail: Option<usize>,
    limit: Option<usize>,
}

pub(super) async fn read(api: &Api, target: &Target, query: &Query) -> Result<Response> {
    let pod = api.store.read(|state| target.in_store()?.get(state))?;
    let container = container(&pod, query)?;
    let restarts = status(&pod, &container)
        .and_then(|status| integer(status, "/restartCount"))
        .unwrap_or(0);
    let newest = u32::try_from(restarts).unwrap_or(0);
    let attempt = if query.flag("previous") {
        newest.checked_sub(1).ok_or_else(|| {
            ApiError::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{}\" not found",
                name(&pod)
            ))
        })?
    } else {
        newest
    };
    let options = options(query)?;
    let progress = api.logs.progress(uid(&pod), &container);
    let (Some(progress), Some(content)) = (progress, api.logs.read(uid(&pod), &container, attempt).await)
    else {
        return Err(waiting(&pod, &container));
    };
    let mut text = options.select(&content);
    if let Some(limit) = options.limit {
        text.truncate(limit);
    }
    let now = *progress.borrow();
    let body = if query.flag("follow") && attempt == now.attempt {
        let follow = Follow {
            logs: api.logs.clone(),
            uid: uid(&pod).to_owned(),
            container,
            options: Options {
                tail: None,
                ..options
            },
            // The file may have grown since it was read: go on exactly behind what was read.
            seen: Progress {
                bytes: current_size(&content, now),
                ..now
            },
            progress,
            first: Some(text),
        };
        follow.body()
    } else {
        Body::from(text)
    };
    Ok(([(header::CONTENT_TYPE, "text/plain")], body).into_response())
}

/// Gives how much of the current file was read: all of it, less what an older file added in front.
fn current_size(content: &[u8], now: Progress) -> u64 {
    let read = content.len() as u64;
    if now.turns == 0 { read } else { now.bytes.min(read) }
}

fn container(pod: &Value, query: &Query) -> Result<String> {
    let names: Vec<&str> = list(pod, "/spec/initContainers")
        .iter()
        .chain(list(pod, "/spec/containers"))
        .map(|container| text(container, "/name"))
        .collect();
    let mains = list(pod, "/spec/containers");
    let chosen = query
        .get("container")
        .or_else(|| annotation(pod, "kubectl.kubernetes.io/default-container"));
    match (chosen, mains) {
        (Some(chosen), _) if names.contains(&chosen) => Ok(chosen.to_owned()),
        (Some(chosen), _) => Err(ApiError::bad_request(format!(
            "container {chosen} is not valid for pod {}",
            name(pod)
        ))),
        (None, [only]) => Ok(text(only, "/name").to_owned()),
        (None, _) => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {}, choose one of: {names:?}",
            name(pod)
        ))),
    }
}

fn status<'a>(pod: &'a Value, container: &str) -> Option<&'a Value> {
    list(pod, "/status/containerStatuses")
        .iter()
        .chain(list(pod, "/status/initContainerStatuses"))
        .find(|status| text(status, "/name") == container)
}

fn waiting(pod: &Value, container: &str) -> ApiError {
    let reason = status(pod, container).map_or("", |status| text(status, "/state/waiting/reason"));
    let reason = if reason.is_empty() {
        "ContainerCreating"
    } else {
        reason
    };
    ApiError::bad_request(format!(
        "container \"{container}\" in pod \"{}\" is waiting to start: {reason}",
        name(pod)
    ))
}

fn options(query: &Query) -> Result<Options> {
    let size =
        |key: &str| Ok::<_, ApiError>(query.number(key)?.and_then(|number| usize::try_from(number).ok()));
    let since = match (query.number("sinceSeconds")?, query.get("sinceTime")) {
        (Some(seconds), _) => {
            let back = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            Some(clock::now().checked_sub(back).unwrap_or(Timestamp::MIN))
        }
        (None, Some(time)) => Some(
            time.parse()
                .map_err(|_| ApiError::bad_request("sinceTime must be an RFC 3339 time"))?,
        ),
        (None, None) => None,
    };
    Ok(Options {
        timestamps: query.flag("timestamps"),
        since,
        tail: size("tailLines")?,
        limit: size("limitBytes")?,
    })
}

impl Options {
    fn select(&self, content: &[u8]) -> Vec<u8> {
        let is_wanted = |time: &str| {
            let time = time.parse::<Timestamp>().ok();
            self.since
                .is_none_or(|since| time.is_none_or(|time| time >= since))
        };
        let mut lines: Vec<(&str, &[u8])> = content
            .split_inclusive(|byte| *byte == b'\n')
            .filter_map(parse)
            .filter(|(time, _)| is_wanted(time))
            .collect();
        if let Some(tail) = self.tail {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        let mut shown = Vec::new();
        for (time, text) in lines {
            if self.timestamps {
                shown.extend(time.as_bytes());
                shown.push(b' ');
            }
            shown.extend(text);
        }
        shown
    }
}

/// A log that is read while it grows, until its container ends.
struct Follow {
    logs: Logs,
    uid: String,
    container: String,
    options: Options,
    progress: Receiver<Progress>,
    seen: Progress,
    first: Option<Vec<u8>>,
}

impl Follow {
    fn body(self) -> Body {
        let until = tokio::time::Instant::now() + FOLLOW;
        let chunks = stream::unfold(self, move |mut follow| async move {
            let next = tokio::time::timeout_at(until, follow.next()).await;
            let chunk = next.ok().flatten()?;
            Some((Ok::<_, std::io::Error>(Bytes::from(chunk)), follow))
        });
        Body::from_stream(chunks)
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            let now = *self.progress.borrow_and_update();
            if now.attempt != self.seen.attempt {
                return None;
            }
            if now.turns != self.seen.turns {
                // A new file was begun: the rest of the old one is given up rather than told twice.
                self.seen = Progress { bytes: 0, ..now };
            }
            if now.bytes > self.seen.bytes {
                let content = self
                    .logs
                    .read_from(&self.uid, &self.container, now.attempt, self.seen.bytes)
                    .await;
                self.seen.bytes += content.len() as u64;
                return Some(self.options.select(&content));
            }
            if !now.is_open {
                return None;
            }
            self.progress.changed().await.ok()?;
        }
    }
}
