//! What a Job's status says.

use std::sync::Arc;

use serde_json::{Value, json};

use super::job::{is_active, is_over, is_tracked};
use crate::clock;
use crate::kinds::named;
use crate::object::{condition_is, integer, is_deleting, set_condition, text};
use crate::store::State;
use crate::store::events::{Level, record};

/// How a Job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Going,
    Suspended,
    Complete,
    /// Reason and message.
    Failing(&'static str, &'static str),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) active: i64,
    pub(super) ready: i64,
    pub(super) terminating: i64,
    pub(super) succeeded: i64,
    pub(super) failed: i64,
}

impl Counts {
    /// Counts the pods; those that ended are counted once, and named so that they can be let go.
    pub(super) fn of(job: &Value, pods: &[Arc<Value>]) -> (Self, Vec<Arc<Value>>) {
        let mut counts = Self {
            succeeded: integer(job, "/status/succeeded").unwrap_or(0),
            failed: integer(job, "/status/failed").unwrap_or(0),
            ..Self::default()
        };
        let counts_the_dying = text(job, "/spec/podReplacementPolicy") != "Failed";
        let mut counted = Vec::new();
        for pod in pods {
            if is_active(pod) {
                counts.active += 1;
                counts.ready += i64::from(condition_is(pod, "Ready", "True"));
            } else if !is_over(pod) {
                counts.terminating += 1;
            }
            // A pod that is told to go counts as failed at once, unless the Job waits until it really failed.
            let is_lost = is_deleting(pod) && !is_over(pod) && counts_the_dying && !is_suspended(job);
            if is_tracked(pod) && (is_over(pod) || is_lost) {
                let is_success = text(pod, "/status/phase") == "Succeeded";
                counts.succeeded += i64::from(is_success);
                counts.failed += i64::from(!is_success && !is_suspended(job));
                counted.push(Arc::clone(pod));
            }
        }
        (counts, counted)
    }
}

fn is_suspended(job: &Value) -> bool {
    crate::object::flag(job, "/spec/suspend")
}

pub(super) fn is_finished(job: &Value) -> bool {
    condition_is(job, "Complete", "True") || condition_is(job, "Failed", "True")
}

fn condition(kind: &str, holds: bool, reason: &str, message: &str) -> Value {
    let mut condition = json!({"type": kind, "status": if holds { "True" } else { "False" },
        "lastProbeTime": clock::stamp(), "lastTransitionTime": clock::stamp()});
    if !reason.is_empty() {
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    condition
}

/// Writes what was counted and decided; the end is told only when no pod is left running.
pub(super) fn write(state: &mut State, job: &Value, counts: &Counts, verdict: &Verdict) {
    let is_quiet = counts.active == 0 && counts.terminating == 0;
    let mut status = job["status"].clone();
    for (key, count) in [
        ("succeeded", counts.succeeded),
        ("failed", counts.failed),
        ("active", counts.active),
    ] {
        let fields = status.as_object_mut().expect("a status is an object");
        if count == 0 {
            fields.remove(key);
        } else {
            fields.insert(key.to_owned(), json!(count));
        }
    }
    status["ready"] = json!(counts.ready);
    status["terminating"] = json!(counts.terminating);
    status["uncountedTerminatedPods"] = json!({});
    let mut events: Vec<(Level, &str, &str)> = Vec::new();
    match verdict {
        Verdict::Suspended => {
            status.as_object_mut().map(|map| map.remove("startTime"));
            if !condition_is(job, "Suspended", "True") {
                set_condition(
                    &mut status,
                    condition("Suspended", true, "JobSuspended", "Job suspended"),
                );
                events.push((Level::Normal, "Suspended", "Job suspended"));
            }
        }
        Verdict::Going => {
            if text(&status, "/startTime").is_empty() {
                status["startTime"] = json!(clock::stamp());
            }
            if condition_is(job, "Suspended", "True") {
                set_condition(
                    &mut status,
                    condition("Suspended", false, "JobResumed", "Job resumed"),
                );
                events.push((Level::Normal, "Resumed", "Job resumed"));
            }
        }
        Verdict::Complete => {
            let (reason, message) = ("CompletionsReached", "Reached expected number of succeeded pods");
            set_condition(
                &mut status,
                condition("SuccessCriteriaMet", true, reason, message),
            );
            if is_quiet {
                set_condition(&mut status, condition("Complete", true, reason, message));
                status["completionTime"] = json!(clock::stamp());
                events.push((Level::Normal, "Completed", "Job completed"));
            }
        }
        Verdict::Failing(reason, message) => {
            set_condition(&mut status, condition("FailureTarget", true, reason, message));
            if is_quiet {
                set_condition(&mut status, condition("Failed", true, reason, message));
                events.push((Level::Warning, reason, message));
            }
        }
    }
    state.modify(named("Job"), job, |job| job["status"] = status);
    for (level, reason, message) in events {
        record(state, job, "job-controller", level, reason, message);
    }
}
