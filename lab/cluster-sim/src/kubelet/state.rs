//! What the kubelet knows of each container of a pod.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cgroup::Cgroup;
use super::container::Waiting;
use super::process::Process;
use crate::clock;
use crate::object::text;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs to its end before the next one starts.
    Init,
    /// An init container that stays: a native sidecar.
    Sidecar,
    Main,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) code: i32,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
}

impl Ended {
    fn to_json(&self, id: &str) -> Value {
        let mut value = json!({"exitCode": self.code, "reason": self.reason, "containerID": id,
            "startedAt": clock::seconds(self.started_at), "finishedAt": clock::seconds(self.finished_at)});
        if !self.message.is_empty() {
            value["message"] = json!(self.message);
        }
        value
    }
}

/// A running attempt; its probes end with it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) started_at: Timestamp,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) probes: Vec<JoinHandle<()>>,
    /// Set by a fault: its end is to be told as out of memory.
    pub(super) is_oom: bool,
    pub(super) is_asked_to_end: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        for probe in &self.probes {
            probe.abort();
        }
    }
}

#[derive(Debug)]
pub(super) enum Life {
    Waiting(Waiting),
    Running(Box<Running>),
    Ended(Ended),
}

#[derive(Debug)]
pub(super) struct Container {
    pub(super) spec: Value,
    pub(super) role: Role,
    pub(super) life: Life,
    pub(super) last: Option<Ended>,
    /// How often it was started again; the number of the attempt.
    pub(super) restarts: u32,
    pub(super) has_started: bool,
    pub(super) is_ready: bool,
    pub(super) not_before: Option<Instant>,
}

impl Container {
    pub(super) fn new(spec: &Value, role: Role) -> Self {
        Self {
            spec: spec.clone(),
            role,
            life: Life::Waiting(Waiting::new("PodInitializing", "")),
            last: None,
            restarts: 0,
            has_started: false,
            is_ready: false,
            not_before: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        text(&self.spec, "/name")
    }

    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.life {
            Life::Running(running) => Some(running),
            Life::Waiting(_) | Life::Ended(_) => None,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.life, Life::Running(_))
    }

    pub(super) fn ended(&self) -> Option<&Ended> {
        match &self.life {
            Life::Ended(ended) => Some(ended),
            Life::Waiting(_) | Life::Running(_) => None,
        }
    }

    /// Asks the container to end, once; tells whether it still runs.
    pub(super) fn stop(&mut self, now_or_never: bool) -> bool {
        let Some(running) = self.running() else {
            return false;
        };
        if now_or_never {
            running.process.kill();
        } else if !running.is_asked_to_end {
            running.process.terminate();
        }
        running.is_asked_to_end = true;
        true
    }

    /// Shows the container as `containerStatuses` does.
    pub(super) fn to_json(&self, pod_uid: &str) -> Value {
        let id = format!("sim://{pod_uid}/{}/{}", self.name(), self.restarts);
        let state = match &self.life {
            Life::Waiting(waiting) if waiting.message.is_empty() => {
                json!({"waiting": {"reason": waiting.reason}})
            }
            Life::Waiting(waiting) => {
                json!({"waiting": {"reason": waiting.reason, "message": waiting.message}})
            }
            Life::Running(running) => json!({"running": {"startedAt": clock::seconds(running.started_at)}}),
            Life::Ended(ended) => json!({"terminated": ended.to_json(&id)}),
        };
        let last = self.last.as_ref().map_or_else(
            || json!({}),
            |ended| {
                let before = format!(
                    "sim://{pod_uid}/{}/{}",
                    self.name(),
                    self.restarts.saturating_sub(1)
                );
                json!({"terminated": ended.to_json(&before)})
            },
        );
        // An init container that did its work counts as ready.
        let is_done = self.role == Role::Init && self.ended().is_some_and(|ended| ended.code == 0);
        let has_run = !matches!(self.life, Life::Waiting(_)) || self.last.is_some();
        json!({
            "name": self.name(), "state": state, "lastState": last,
            "ready": (self.is_running() && self.is_ready) || is_done,
            "started": self.is_running() && self.has_started,
            "restartCount": self.restarts, "image": text(&self.spec, "/image"),
            "imageID": text(&self.spec, "/image"), "containerID": if has_run { id } else { String::new() },
        })
    }
}
