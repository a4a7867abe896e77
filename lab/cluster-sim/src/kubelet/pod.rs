//! The life of one pod: each turn compares what its containers do with what they should, and takes the next step.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::Node;
use super::container::{PodFolder, Waiting};
use super::probes::{Finding, ProbeKind};
use super::process::Exit;
use super::start;
use super::state::{Container, Ended, Life, Role};
use super::status::{self, Overall};
use super::volumes;
use crate::clock;
use crate::faults::Harm;
use crate::kinds::named;
use crate::object::{integer, is_deleting, text, uid};
use crate::store::delete::{DeleteOptions, discard};
use crate::store::events::Level;

/// How often a pod looks again for a Secret or volume that is missing.
const RETRY: Duration = Duration::from_secs(1);

/// The first wait of a container that keeps failing; it doubles up to [`LONGEST_BACKOFF`].
const BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

/// What a container's own tasks tell.
#[derive(Debug)]
pub(super) struct Exited {
    pub(super) container: usize,
    pub(super) attempt: u32,
    pub(super) exit: Exit,
}

/// A pod on its way down: until when its containers may take.
#[derive(Debug)]
struct Stopping {
    until: Instant,
    reason: Option<(&'static str, String)>,
}

pub(super) struct Worker {
    pub(super) node: Arc<Node>,
    pub(super) pod: Arc<Value>,
    view: watch::Receiver<Option<Arc<Value>>>,
    harms: mpsc::Receiver<Harm>,
    pub(super) containers: Vec<Container>,
    overall: Overall,
    pub(super) folder: PodFolder,
    is_prepared: bool,
    stopping: Option<Stopping>,
    deadline: Option<Instant>,
    pub(super) exits: (mpsc::Sender<Exited>, mpsc::Receiver<Exited>),
    pub(super) findings: (mpsc::Sender<Finding>, mpsc::Receiver<Finding>),
}

impl Worker {
    pub(super) fn new(
        node: Arc<Node>,
        pod: Arc<Value>,
        view: watch::Receiver<Option<Arc<Value>>>,
        harms: mpsc::Receiver<Harm>,
    ) -> Self {
        let folder = PodFolder {
            path: node.pods.join(uid(&pod)),
            volumes: Vec::new(),
        };
        let deadline = integer(&pod, "/spec/activeDeadlineSeconds")
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Self {
            containers: status::containers(&pod),
            node,
            pod,
            view,
            harms,
            overall: Overall::default(),
            folder,
            is_prepared: false,
            stopping: None,
            deadline,
            exits: mpsc::channel(16),
            findings: mpsc::channel(16),
        }
    }

    /// Runs the pod until its object is gone.
    pub(super) async fn run(mut self) {
        loop {
            let wake = self.step().await;
            self.publish();
            let wake = wake.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
            tokio::select! {
                // Harm first: what a lost node did after its loss must not be told.
                biased;
                Some(harm) = self.harms.recv() => match harm {
                    Harm::Oom { container, .. } => self.run_out_of_memory(&container),
                    Harm::Lost { .. } => break,
                },
                Some(exited) = self.exits.1.recv() => self.exited(exited),
                Some(finding) = self.findings.1.recv() => self.found(finding),
                changed = self.view.changed() => {
                    let view = self.view.borrow_and_update().clone();
                    match view {
                        Some(pod) if changed.is_ok() => self.pod = pod,
                        _ => break,
                    }
                }
                () = sleep_until(wake) => {}
            }
        }
        self.clean_up().await;
    }

    /// Kills what still runs and removes the pod's folder.
    async fn clean_up(&mut self) {
        for container in &mut self.containers {
            container.stop(true);
        }
        let until = Instant::now() + Duration::from_secs(4);
        while self.containers.iter().any(Container::is_running) {
            let Ok(Some(exited)) = timeout(until - Instant::now(), self.exits.1.recv()).await else {
                break;
            };
            self.exited(exited);
        }
        self.node.logs.forget(uid(&self.pod));
        if let Err(error) = tokio::fs::remove_dir_all(&self.folder.path).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(pod = uid(&self.pod), %error, "a pod's folder could not be removed");
        }
    }

    /// Takes the next step; tells when to look again at the latest.
    async fn step(&mut self) -> Option<Instant> {
        if self.overall.phase.is_some() {
            self.let_go();
            return None;
        }
        if is_deleting(&self.pod) {
            self.begin_deletion();
        }
        if self.stopping.is_none() && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let message = "Pod was active on the node longer than the specified deadline".to_owned();
            self.stop(Some(("DeadlineExceeded", message)));
        }
        if self.stopping.is_none() {
            let wake = self.step_up().await;
            if self.stopping.is_none() {
                return [wake, self.deadline].into_iter().flatten().min();
            }
        }
        self.step_down()
    }

    fn begin_deletion(&mut self) {
        let end = clock::parse(Some(text(&self.pod, "/metadata/deletionTimestamp")));
        let left = end.map_or(0, |end| clock::elapsed_seconds(clock::now(), end));
        let until = Instant::now() + Duration::from_secs(u64::try_from(left).unwrap_or(0));
        if let Some(stopping) = &mut self.stopping {
            stopping.until = stopping.until.min(until);
            return;
        }
        for container in self.containers.iter().filter(|container| container.is_running()) {
            let message = format!("Stopping container {}", container.name());
            self.node.event(&self.pod, Level::Normal, "Killing", &message);
        }
        self.stopping = Some(Stopping { until, reason: None });
    }

    fn stop(&mut self, reason: Option<(&'static str, String)>) {
        let grace = integer(&self.pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        let until = Instant::now() + Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        self.stopping = Some(Stopping { until, reason });
    }

    /// Starts what should run: init containers in order, then all main ones.
    async fn step_up(&mut self) -> Option<Instant> {
        if !self.is_prepared && !self.prepare() {
            return Some(Instant::now() + RETRY);
        }
        let mut wakes = Vec::new();
        for index in 0..self.containers.len() {
            let role = self.containers[index].role;
            let is_done = role == Role::Init
                && self.containers[index]
                    .ended()
                    .is_some_and(|ended| ended.code == 0);
            if is_done || (role == Role::Init && self.overall.is_initialized) {
                continue;
            }
            if role == Role::Main {
                self.overall.is_initialized = true;
            }
            if !self.containers[index].is_running() {
                if self.has_failed_for_good(index) {
                    self.stop(None);
                    return None;
                }
                wakes.extend(self.bring_up(index).await);
            }
            let container = &self.containers[index];
            let holds_up = match role {
                Role::Init => true,
                Role::Sidecar => !(container.is_running() && container.has_started),
                Role::Main => false,
            };
            if holds_up && !self.overall.is_initialized {
                return wakes.into_iter().min();
            }
        }
        let is_over = |container: &Container| container.role != Role::Main || container.ended().is_some();
        if self.containers.iter().all(is_over) {
            self.stop(None);
        }
        wakes.into_iter().min()
    }

    /// Makes the volumes; false if something is missing that may still come.
    fn prepare(&mut self) -> bool {
        let made = self
            .node
            .store
            .read(|state| volumes::prepare(state, &self.pod, &self.folder.path.join("volumes")));
        match made {
            Ok(volumes) => {
                self.folder.volumes = volumes;
                self.is_prepared = true;
            }
            Err(why) => {
                self.node.event(&self.pod, Level::Warning, "FailedMount", &why);
                for container in self
                    .containers
                    .iter_mut()
                    .filter(|container| container.role == Role::Main)
                {
                    container.life = Life::Waiting(Waiting::new("ContainerCreating", ""));
                }
            }
        }
        self.is_prepared
    }

    fn has_failed_for_good(&self, index: usize) -> bool {
        let container = &self.containers[index];
        container.role == Role::Init
            && container.ended().is_some_and(|ended| ended.code != 0)
            && text(&self.pod, "/spec/restartPolicy") == "Never"
    }

    /// Starts a container that does not run, if it is to run (again) and its wait is over.
    async fn bring_up(&mut self, index: usize) -> Option<Instant> {
        let policy = text(&self.pod, "/spec/restartPolicy").to_owned();
        let container = &mut self.containers[index];
        if let Some(ended) = container.ended() {
            let again = match container.role {
                Role::Sidecar => true,
                Role::Init => ended.code != 0,
                Role::Main => policy == "Always" || (policy == "OnFailure" && ended.code != 0),
            };
            if !again {
                return None;
            }
            // The first time at once, then later and later.
            let wait = match container.restarts {
                0 => Duration::ZERO,
                count => BACKOFF
                    .saturating_mul(1 << (count - 1).min(5))
                    .min(LONGEST_BACKOFF),
            };
            let message = format!(
                "back-off {}s restarting failed container={}",
                wait.as_secs(),
                container.name()
            );
            container.not_before = Some(Instant::now() + wait);
            let waiting = Life::Waiting(Waiting::new("CrashLoopBackOff", message));
            if let Life::Ended(ended) = std::mem::replace(&mut container.life, waiting) {
                container.last = Some(ended);
            }
        }
        if let Some(at) = container.not_before.filter(|at| *at > Instant::now()) {
            return Some(at);
        }
        start::start(self, index).await
    }

    /// Stops what runs: main containers first, then the sidecars, last one first.
    fn step_down(&mut self) -> Option<Instant> {
        let stopping = self.stopping.as_ref()?;
        let until = stopping.until;
        let is_late = Instant::now() >= until;
        let mut waits = false;
        for container in self
            .containers
            .iter_mut()
            .filter(|container| container.role != Role::Sidecar)
        {
            waits |= container.stop(is_late);
        }
        for container in self
            .containers
            .iter_mut()
            .rev()
            .filter(|container| container.role == Role::Sidecar)
        {
            if !waits || is_late {
                waits |= container.stop(is_late);
            }
        }
        if waits {
            return (!is_late).then_some(until);
        }
        self.overall.phase = Some(status::final_phase(&self.containers));
        if let Some((reason, message)) = self.stopping.take().and_then(|stopping| stopping.reason) {
            self.overall.phase = Some("Failed");
            self.overall.reason = Some(reason);
            self.overall.message = message;
        }
        // Told before the object may go, so that watchers see how it ended.
        self.publish();
        self.let_go();
        None
    }

    /// Removes the object of a pod that has ended and is being deleted.
    fn let_go(&self) {
        if is_deleting(&self.pod) {
            let options = DeleteOptions {
                grace_period_seconds: Some(0),
                ..DeleteOptions::default()
            };
            self.node
                .store
                .write(|state| discard(state, named("Pod"), &self.pod, &options));
        }
    }

    fn publish(&self) {
        self.node.store.write(|state| {
            state.modify(named("Pod"), &self.pod, |pod| {
                // Somebody else may have declared it dead: a lost node's pod.
                let is_over = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
                if !is_over || self.overall.phase.is_some() {
                    pod["status"] = status::status(pod, &self.containers, &self.overall);
                }
            });
        });
    }

    fn exited(&mut self, exited: Exited) {
        let folder = self.folder.clone();
        let Some(container) = self.containers.get_mut(exited.container) else {
            return;
        };
        if container.restarts != exited.attempt {
            return;
        }
        let Life::Running(running) = &container.life else {
            return;
        };
        let Exit {
            mut code,
            start_error,
        } = exited.exit;
        let is_oom = running.is_oom
            || code != 0
                && running
                    .cgroup
                    .as_ref()
                    .is_some_and(|cgroup| cgroup.oom_kills() > 0);
        let reason = match code {
            _ if start_error.is_some() => "StartError",
            _ if is_oom => {
                code = 137;
                "OOMKilled"
            }
            0 => "Completed",
            _ => "Error",
        };
        let started_at = running.started_at;
        let message = start_error.unwrap_or_else(|| start::last_words(&folder, container, code));
        container.is_ready = false;
        container.has_started = false;
        container.life = Life::Ended(Ended {
            code,
            reason,
            message,
            started_at,
            finished_at: clock::now(),
        });
    }

    fn found(&mut self, finding: Finding) {
        let Some(container) = self.containers.get_mut(finding.container) else {
            return;
        };
        if container.restarts != finding.attempt || !container.is_running() {
            return;
        }
        match (finding.kind, finding.is_well) {
            (ProbeKind::Readiness, is_well) => container.is_ready = is_well,
            (ProbeKind::Startup, true) => start::has_started(self, finding.container),
            (ProbeKind::Liveness, true) => {}
            (kind, false) => {
                container.stop(true);
                let kind = if kind == ProbeKind::Startup {
                    "startup"
                } else {
                    "liveness"
                };
                let message = format!(
                    "Container {} failed {kind} probe, will be restarted",
                    container.name()
                );
                self.node.event(&self.pod, Level::Warning, "Unhealthy", &message);
            }
        }
    }

    fn run_out_of_memory(&mut self, name: &str) {
        if let Some(container) = self
            .containers
            .iter_mut()
            .find(|container| container.name() == name)
            && let Some(running) = container.running()
        {
            running.is_oom = true;
            running.process.kill();
        }
    }
}
