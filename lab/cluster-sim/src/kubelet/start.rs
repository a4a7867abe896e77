//! Starting one container, and what it leaves behind when it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::container::{PodFolder, Waiting, spec};
use super::logs::parse;
use super::pod::{Exited, Worker};
use super::probes::{self, Finding, Inside, ProbeKind};
use super::process;
use super::state::{Container, Ended, Life, Running};
use crate::admission::quantity;
use crate::clock;
use crate::object::{list, text, uid};
use crate::sandbox::spec::{ExecSpec, START_FAILED, Spec};
use crate::store::events::Level;

/// How long a container that cannot be made waits before the next try.
const RETRY: Duration = Duration::from_secs(2);

/// How much of a termination message is kept, as a real kubelet has it.
const MESSAGE: usize = 4096;
const MESSAGE_FROM_LOG: usize = 2048;
const LINES_FROM_LOG: usize = 80;

/// Starts a container; tells when to try again if it cannot be made now.
pub(super) async fn start(worker: &mut Worker, index: usize) -> Option<Instant> {
    let wanted = worker.containers[index].spec.clone();
    let made = worker
        .node
        .store
        .read(|state| spec(&worker.node, state, &worker.pod, &wanted, &worker.folder));
    let mut spec = match made {
        Ok(spec) => spec,
        Err(waiting) => return Some(cannot_be_made(worker, index, waiting)),
    };
    let container = &worker.containers[index];
    // The first attempt is number 0; every one after an end counts up.
    let attempt = if container.last.is_some() {
        container.restarts + 1
    } else {
        0
    };
    let started = launch(worker, index, attempt, &mut spec).await;
    let container = &mut worker.containers[index];
    container.restarts = attempt;
    match started {
        Ok(running) => {
            let message = format!("Started container {}", container.name());
            let has_startup_probe = container.spec.get("startupProbe").is_some();
            container.life = Life::Running(Box::new(running));
            worker.node.event(&worker.pod, Level::Normal, "Started", &message);
            if has_startup_probe {
                watch(worker, index, ProbeKind::Startup);
            } else {
                has_started(worker, index);
            }
        }
        Err(error) => {
            let now = clock::now();
            let message = format!("{error:#}");
            worker.node.event(&worker.pod, Level::Warning, "Failed", &message);
            container.life = Life::Ended(Ended {
                code: START_FAILED,
                reason: "StartError",
                message,
                started_at: now,
                finished_at: now,
            });
            return Some(Instant::now());
        }
    }
    None
}

fn cannot_be_made(worker: &mut Worker, index: usize, mut waiting: Waiting) -> Instant {
    let container = &mut worker.containers[index];
    let is_again = matches!(&container.life, Life::Waiting(before)
        if matches!(before.reason, "ErrImagePull" | "ImagePullBackOff"));
    if waiting.reason == "ErrImagePull" && is_again {
        waiting = Waiting {
            reason: "ImagePullBackOff",
            message: format!("Back-off pulling: {}", waiting.message),
        };
    }
    worker
        .node
        .event(&worker.pod, Level::Warning, "Failed", &waiting.message);
    let at = Instant::now() + RETRY;
    container.life = Life::Waiting(waiting);
    container.not_before = Some(at);
    at
}

async fn launch(worker: &Worker, index: usize, attempt: u32, spec: &mut Spec) -> anyhow::Result<Running> {
    let container = &worker.containers[index];
    let pod = uid(&worker.pod);
    let file = worker.folder.termination(container.name());
    fs::create_dir_all(file.parent().context("the file has a folder")?)?;
    fs::write(&file, b"")?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666))?;
    let limit = container.spec["resources"]["limits"]["memory"]
        .as_str()
        .and_then(quantity::parse);
    let cgroup = worker
        .node
        .cgroups
        .as_ref()
        .zip(limit)
        .and_then(|(groups, limit)| {
            groups.create(
                &format!("{pod}-{}-{attempt}", container.name()),
                quantity::units(limit),
            )
        });
    spec.cgroup = cgroup.as_ref().map(|cgroup| cgroup.path().to_owned());
    let log = worker.node.logs.writer(pod, container.name(), attempt).await?;
    let (process, end) = process::start(&worker.node.launcher, spec, log).await?;
    let exits = worker.exits.0.clone();
    tokio::spawn(async move {
        let exit = end.await;
        // Nobody listens any more when the simulator stops.
        exits
            .send(Exited {
                container: index,
                attempt,
                exit,
            })
            .await
            .ok();
    });
    Ok(Running {
        process,
        started_at: clock::now(),
        cgroup,
        probes: Vec::new(),
        is_oom: false,
        is_asked_to_end: false,
    })
}

/// Marks a container as started, which lets the other probes begin and the next container start.
pub(super) fn has_started(worker: &mut Worker, index: usize) {
    let container = &mut worker.containers[index];
    container.has_started = true;
    container.is_ready = container.spec.get("readinessProbe").is_none();
    watch(worker, index, ProbeKind::Liveness);
    watch(worker, index, ProbeKind::Readiness);
}

fn watch(worker: &mut Worker, index: usize, kind: ProbeKind) {
    let container = &worker.containers[index];
    let field = match kind {
        ProbeKind::Startup => "startupProbe",
        ProbeKind::Liveness => "livenessProbe",
        ProbeKind::Readiness => "readinessProbe",
    };
    let Some(probe) = container
        .spec
        .get(field)
        .filter(|probe| probe.is_object())
        .cloned()
    else {
        return;
    };
    let ports: Vec<Value> = list(&container.spec, "/ports").to_vec();
    let finding = Finding {
        container: index,
        attempt: container.restarts,
        kind,
        is_well: false,
    };
    let command: Vec<&str> = list(&probe, "/exec/command")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let Some(exec) = inside(worker, index, &command) else {
        return;
    };
    let inside = Inside {
        launcher: worker.node.launcher.clone(),
        exec,
    };
    let task = tokio::spawn(probes::run(
        probe,
        ports,
        inside,
        finding,
        worker.findings.0.clone(),
    ));
    if let Some(running) = worker.containers[index].running() {
        running.probes.push(task);
    }
}

/// Gives what a probe needs to run `command` where the container runs.
fn inside(worker: &mut Worker, index: usize, command: &[&str]) -> Option<ExecSpec> {
    let mut wanted = worker.containers[index].spec.clone();
    // Unlike a container's own command, a probe's is taken as it stands.
    let command: Vec<String> = command.iter().map(|word| word.replace('$', "$$")).collect();
    // A probe without a command is not an exec probe; something has to stand there.
    wanted["command"] = if command.is_empty() {
        json!(["true"])
    } else {
        json!(command)
    };
    wanted["args"] = json!([]);
    let spec = worker
        .node
        .store
        .read(|state| spec(&worker.node, state, &worker.pod, &wanted, &worker.folder))
        .ok()?;
    let running = worker.containers[index].running()?;
    Some(ExecSpec {
        isolation: spec.isolation,
        outer: running.process.outer,
        inner: running.process.inner,
        user: spec.user,
        program: spec.program,
    })
}

/// Reads what a container wants to be remembered by: its termination message, or the end of its log if it asks so.
pub(super) fn last_words(folder: &PodFolder, container: &Container, code: i32) -> String {
    let message = fs::read(folder.termination(container.name())).unwrap_or_default();
    if !message.is_empty() {
        return String::from_utf8_lossy(&message[..message.len().min(MESSAGE)]).into_owned();
    }
    if code == 0 || text(&container.spec, "/terminationMessagePolicy") != "FallbackToLogsOnError" {
        return String::new();
    }
    let log = folder
        .path
        .join("logs")
        .join(container.name())
        .join(format!("{}.log", container.restarts));
    let content = fs::read(log).unwrap_or_default();
    let lines: Vec<&[u8]> = content
        .split_inclusive(|byte| *byte == b'\n')
        .filter_map(|line| Some(parse(line)?.1))
        .collect();
    let end = lines[lines.len().saturating_sub(LINES_FROM_LOG)..].concat();
    let end = String::from_utf8_lossy(&end);
    let start = end.len().saturating_sub(MESSAGE_FROM_LOG);
    let start = (start..end.len())
        .find(|index| end.is_char_boundary(*index))
        .unwrap_or(end.len());
    end[start..].to_owned()
}
