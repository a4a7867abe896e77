//! The Job controller: pods for Jobs, and what became of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::garbage::has_lost_its_job;
use super::job_status::{Counts, Verdict, is_finished, write};
use crate::clock;
use crate::kinds::named;
use crate::object::{
    add_finalizer, controller, flag, has_finalizer, integer, is_deleting, list, name, namespace,
    remove_finalizer, text, uid,
};
use crate::store::State;
use crate::store::create::{Write, create, suffix};
use crate::store::delete::{DeleteOptions, Propagation, discard};
use crate::store::events::{Level, record};

/// Holds a pod until its end was counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// The wait before a failed pod is replaced; it doubles with each failure.
const BACKOFF: Duration = Duration::from_secs(10);

/// What the controller remembers beside the objects, by the Job's uid.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    not_before: HashMap<String, Instant>,
}

impl Jobs {
    pub(super) fn reconcile(&mut self, state: &mut State) {
        let jobs: Vec<Arc<Value>> = state.list(named("Job"), None).cloned().collect();
        self.not_before
            .retain(|job, _| jobs.iter().any(|known| uid(known) == job));
        for job in &jobs {
            self.one(state, job);
        }
        release_orphans(state);
    }

    fn one(&mut self, state: &mut State, job: &Value) {
        let pods = pods_of(state, job);
        let (counts, counted) = Counts::of(job, &pods);
        if is_finished(job) {
            release(state, &pods);
            return expire(state, job);
        }
        if is_deleting(job) {
            return release(state, &pods);
        }
        let is_suspended = flag(job, "/spec/suspend");
        let mut verdict = verdict(job, &counts);
        let had_verdict = matches!(verdict, Verdict::Failing(..) | Verdict::Complete);
        if is_suspended && !had_verdict {
            verdict = Verdict::Suspended;
        }
        if verdict != Verdict::Going {
            for pod in pods.iter().filter(|pod| is_active(pod)) {
                remove_pod(state, job, pod);
            }
        }
        let counts = Counts::of(job, &pods_of(state, job)).0;
        write(state, job, &counts, &verdict);
        for pod in &counted {
            state.modify(named("Pod"), pod, |pod| remove_finalizer(pod, TRACKING));
        }
        if counts.failed > integer(job, "/status/failed").unwrap_or(0) {
            let doublings = u32::try_from(counts.failed - 1).unwrap_or(0).min(5);
            self.not_before.insert(
                uid(job).to_owned(),
                Instant::now() + BACKOFF * 2_u32.pow(doublings),
            );
        }
        if verdict == Verdict::Going {
            self.top_up(state, job, &counts);
        }
    }

    /// Creates the pods that are missing, unless the last ones failed a moment ago.
    fn top_up(&mut self, state: &mut State, job: &Value, counts: &Counts) {
        let left = integer(job, "/spec/completions").unwrap_or(1) - counts.succeeded;
        let wanted = left.min(integer(job, "/spec/parallelism").unwrap_or(1));
        let waits_for_the_dying = text(job, "/spec/podReplacementPolicy") == "Failed";
        let there = counts.active
            + if waits_for_the_dying {
                counts.terminating
            } else {
                0
            };
        if self
            .not_before
            .get(uid(job))
            .is_some_and(|at| *at > Instant::now())
        {
            return;
        }
        for _ in there..wanted {
            match create(state, named("Pod"), namespace(job), pod(job), &Write::internal()) {
                Ok(pod) => {
                    let message = format!("Created pod: {}", name(&pod));
                    record(
                        state,
                        job,
                        "job-controller",
                        Level::Normal,
                        "SuccessfulCreate",
                        &message,
                    );
                }
                Err(error) => {
                    let message = format!("Error creating: {}", error.message);
                    record(
                        state,
                        job,
                        "job-controller",
                        Level::Warning,
                        "FailedCreate",
                        &message,
                    );
                    self.not_before
                        .insert(uid(job).to_owned(), Instant::now() + Duration::from_secs(1));
                    return;
                }
            }
        }
    }
}

fn pods_of(state: &State, job: &Value) -> Vec<Arc<Value>> {
    let is_ours = |pod: &Value| controller(pod).is_some_and(|owner| text(owner, "/uid") == uid(job));
    state
        .list(named("Pod"), Some(namespace(job)))
        .filter(|pod| is_ours(pod))
        .cloned()
        .collect()
}

pub(super) fn is_over(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

pub(super) fn is_active(pod: &Value) -> bool {
    !is_over(pod) && !is_deleting(pod)
}

pub(super) fn is_tracked(pod: &Value) -> bool {
    has_finalizer(pod, TRACKING)
}

fn verdict(job: &Value, counts: &Counts) -> Verdict {
    if crate::object::condition_is(job, "FailureTarget", "True") {
        let known = list(job, "/status/conditions")
            .iter()
            .find(|known| known["type"] == "FailureTarget");
        let is_deadline = known.is_some_and(|known| known["reason"] == "DeadlineExceeded");
        return if is_deadline {
            deadline_exceeded()
        } else {
            backoff_exceeded()
        };
    }
    if counts.failed > integer(job, "/spec/backoffLimit").unwrap_or(6) {
        return backoff_exceeded();
    }
    let start = clock::parse(Some(text(job, "/status/startTime")));
    let allowed = integer(job, "/spec/activeDeadlineSeconds");
    if let (Some(start), Some(allowed)) = (start, allowed)
        && is_past(start, allowed)
        && !flag(job, "/spec/suspend")
    {
        return deadline_exceeded();
    }
    if counts.succeeded >= integer(job, "/spec/completions").unwrap_or(1) {
        return Verdict::Complete;
    }
    Verdict::Going
}

fn is_past(start: Timestamp, seconds: i64) -> bool {
    start
        .checked_add(SignedDuration::from_secs(seconds))
        .is_ok_and(|end| clock::now() >= end)
}

fn deadline_exceeded() -> Verdict {
    Verdict::Failing(
        "DeadlineExceeded",
        "Job was active longer than specified deadline",
    )
}

fn backoff_exceeded() -> Verdict {
    Verdict::Failing(
        "BackoffLimitExceeded",
        "Job has reached the specified backoff limit",
    )
}

/// Makes the pod of a Job from its template.
fn pod(job: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": job["spec"]["template"]["metadata"], "spec": job["spec"]["template"]["spec"]});
    let prefix: String = name(job).chars().take(57).collect();
    let meta = crate::object::meta(&mut pod);
    meta.insert("name".into(), json!(format!("{prefix}-{}", suffix())));
    meta.insert("generateName".into(), json!(format!("{}-", name(job))));
    meta.insert("namespace".into(), json!(namespace(job)));
    meta.insert(
        "ownerReferences".into(),
        json!([{"apiVersion": "batch/v1", "kind": "Job", "name": name(job), "uid": uid(job),
            "controller": true, "blockOwnerDeletion": true}]),
    );
    add_finalizer(&mut pod, TRACKING);
    pod
}

fn remove_pod(state: &mut State, job: &Value, pod: &Value) {
    discard(state, named("Pod"), pod, &DeleteOptions::default());
    let message = format!("Deleted pod: {}", name(pod));
    record(
        state,
        job,
        "job-controller",
        Level::Normal,
        "SuccessfulDelete",
        &message,
    );
}

/// Lets pods go that wait only for us.
fn release(state: &mut State, pods: &[Arc<Value>]) {
    for pod in pods
        .iter()
        .filter(|pod| is_tracked(pod) && (is_over(pod) || is_deleting(pod)))
    {
        state.modify(named("Pod"), pod, |pod| remove_finalizer(pod, TRACKING));
    }
}

/// Lets go the pods whose Job is gone.
fn release_orphans(state: &mut State) {
    let pods: Vec<Arc<Value>> = state
        .list(named("Pod"), None)
        .filter(|pod| is_tracked(pod))
        .cloned()
        .collect();
    for pod in pods {
        if has_lost_its_job(state, &pod) {
            state.modify(named("Pod"), &pod, |pod| remove_finalizer(pod, TRACKING));
        }
    }
}

/// Deletes a finished Job whose time to live is over, and its pods with it.
fn expire(state: &mut State, job: &Value) {
    let Some(seconds) = integer(job, "/spec/ttlSecondsAfterFinished") else {
        return;
    };
    let ended = list(job, "/status/conditions")
        .iter()
        .filter(|known| matches!(text(known, "/type"), "Complete" | "Failed"))
        .find_map(|known| clock::parse(Some(text(known, "/lastTransitionTime"))));
    if !is_deleting(job) && ended.is_some_and(|ended| is_past(ended, seconds)) {
        let options = DeleteOptions {
            propagation_policy: Some(Propagation::Foreground),
            ..DeleteOptions::default()
        };
        discard(state, named("Job"), job, &options);
    }
}
