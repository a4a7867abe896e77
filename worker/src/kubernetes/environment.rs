//! What a person sees of a runner: its pods and their containers, and what the cluster remembers of them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Event, Pod as KubePod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use orchestrator::ports::cluster::{ClusterError, RunnerKey};
use orchestrator::slot::environment::{Container, Happening, Pod, Standing};

use super::Kubernetes;
use super::calls::{call, list};
use super::names::runner_name;

/// Objects of one runner that are asked for their events: its Job, and so many pods.
const MOST_PODS: usize = 4;
/// Events of one object that are read.
const MOST_EVENTS: u32 = 200;
/// Longest text of the cluster that is passed on, in characters.
const MOST_CHARS: usize = 1_000;

pub(super) async fn pods(cluster: &Kubernetes, key: &RunnerKey) -> Result<Vec<Pod>, ClusterError> {
    Ok(found(cluster, key).await?.iter().map(pod).collect())
}

async fn found(cluster: &Kubernetes, key: &RunnerKey) -> Result<Vec<KubePod>, ClusterError> {
    let pods: Api<KubePod> = Api::namespaced(cluster.client.clone(), &cluster.names.namespace(&key.project));
    list("list pods of a runner", &pods, &cluster.names.runner(key)).await
}

pub(super) async fn events(
    cluster: &Kubernetes,
    key: &RunnerKey,
    most: usize,
) -> Result<Vec<Happening>, ClusterError> {
    let namespace = cluster.names.namespace(&key.project);
    let events: Api<Event> = Api::namespaced(cluster.client.clone(), &namespace);
    let pods = found(cluster, key).await?;
    let names = pods.iter().take(MOST_PODS).map(ResourceExt::name_any);
    let mut all = Vec::new();
    for name in std::iter::once(runner_name(key)).chain(names) {
        let of = ListParams::default()
            .fields(&format!("involvedObject.name={name}"))
            .limit(MOST_EVENTS);
        let page = call("list Events", events.list(&of)).await?;
        all.extend(page.items.iter().map(happening));
    }
    all.sort_by_key(|event| std::cmp::Reverse(event.at));
    all.truncate(most);
    Ok(all)
}

fn pod(pod: &KubePod) -> Pod {
    let none = PodStatus::default();
    let status = pod.status.as_ref().unwrap_or(&none);
    let spec = pod.spec.as_ref();
    // What a container runs is said by the spec; the status names images by what the node made of them.
    let images: BTreeMap<&str, &str> = spec
        .into_iter()
        .flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers))
        .map(|container| {
            (
                container.name.as_str(),
                container.image.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    let statuses = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses)
        .flatten();
    Pod {
        name: pod.name_any(),
        phase: status.phase.clone().unwrap_or_else(|| "Unknown".to_owned()),
        reason: status.reason.clone().or_else(|| unplaced(status)),
        node: spec.and_then(|spec| spec.node_name.clone()),
        made_at: pod.creation_timestamp().map(|made| made.0),
        containers: statuses
            .map(|status| container(status, images.get(status.name.as_str()).copied()))
            .collect(),
    }
}

/// Why no node has it yet.
fn unplaced(status: &PodStatus) -> Option<String> {
    let conditions = status.conditions.iter().flatten();
    let mut waits = conditions.filter(|it| it.type_ == "PodScheduled" && it.status == "False");
    waits.find_map(|it| it.reason.clone())
}

fn container(status: &ContainerStatus, image: Option<&str>) -> Container {
    let none = ContainerState::default();
    let state = status.state.as_ref().unwrap_or(&none);
    let moment = |time: &Option<Time>| time.as_ref().map(|time| time.0);
    let (standing, reason, exit_code, since) = match (&state.running, &state.terminated) {
        (Some(running), _) => (Standing::Running, None, None, moment(&running.started_at)),
        (None, Some(end)) => {
            let since = moment(&end.finished_at);
            (Standing::Ended, end.reason.clone(), Some(end.exit_code), since)
        }
        (None, None) => {
            let reason = state.waiting.as_ref().and_then(|waiting| waiting.reason.clone());
            (Standing::Waiting, reason, None, None)
        }
    };
    Container {
        name: status.name.clone(),
        image: image.unwrap_or(&status.image).to_owned(),
        standing,
        reason,
        exit_code,
        restarts: u32::try_from(status.restart_count).unwrap_or(0),
        since,
    }
}

fn happening(event: &Event) -> Happening {
    let about = &event.involved_object;
    let word = |text: &Option<String>| {
        text.as_deref()
            .unwrap_or_default()
            .chars()
            .take(MOST_CHARS)
            .collect()
    };
    let last = event.last_timestamp.as_ref().or(event.first_timestamp.as_ref());
    Happening {
        // Newer reporters say only the one, older ones only the other.
        at: last
            .map(|time| time.0)
            .or_else(|| event.event_time.as_ref().map(|time| time.0)),
        warning: event.type_.as_deref() == Some("Warning"),
        object: format!(
            "{}/{}",
            about.kind.as_deref().unwrap_or_default(),
            about.name.as_deref().unwrap_or_default()
        ),
        reason: word(&event.reason),
        message: word(&event.message),
        count: event
            .count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
    }
}
