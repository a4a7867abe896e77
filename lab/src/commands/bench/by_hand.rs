//! The limit of a start: the same Job, sent to the cluster by somebody who decides nothing.

use anyhow::Context;
use jiff::Timestamp;
use orchestrator::Clock;
use serde_json::{Value, json};

use super::cluster::{Api, Pods, Seen};
use super::results::ByHand;

/// Not one of the platform's: it would sweep what it did not make.
const NAMESPACE: &str = "by-hand";
const SECRET: &str = "nothing";

/// A Job of the platform's, to be made again.
pub(super) struct Template {
    spec: Value,
    made: u32,
}

impl Template {
    /// Takes what a run's pod was made from: the same images, containers, volumes and limits. Only what the containers
    /// do is nothing, and they end at once when told.
    pub(super) async fn of(api: &Api, pod: &Seen) -> anyhow::Result<Self> {
        let path = format!("/apis/batch/v1/namespaces/{}/jobs/{}", pod.namespace, pod.job);
        let mut spec = api.call("GET", &path, None).await?["spec"].take();
        let fields = spec.as_object_mut().context("a Job has a spec")?;
        fields.remove("selector");
        fields.insert("suspend".into(), json!(false));
        spec["template"]["metadata"] = json!({});
        let pod = &mut spec["template"]["spec"];
        pod["terminationGracePeriodSeconds"] = json!(0);
        for volume in pod["volumes"].as_array_mut().into_iter().flatten() {
            if !volume["secret"].is_null() {
                volume["secret"]["secretName"] = json!(SECRET);
            }
        }
        idle(&mut pod["initContainers"], "supervisor");
        idle(&mut pod["containers"], "agent");
        let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
        api.call("POST", "/api/v1/namespaces", Some(&space)).await?;
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": SECRET },
            "data": { "nothing": "eA==" } });
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
        api.call("POST", &path, Some(&secret)).await?;
        Ok(Self { spec, made: 0 })
    }

    /// Makes the Job, waits until its first process runs, and removes it.
    pub(super) async fn start(&mut self, api: &Api, pods: &Pods) -> anyhow::Result<ByHand> {
        self.made += 1;
        let name = format!("by-hand-{}", self.made);
        let jobs = format!("/apis/batch/v1/namespaces/{NAMESPACE}/jobs");
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": self.spec });
        let sent_at = Clock::default().now();
        api.call("POST", &jobs, Some(&job)).await?;
        let ours = |pod: &Seen| pod.namespace == NAMESPACE && pod.job == name;
        let pod = pods
            .until("the pod made by hand runs", |pod| {
                ours(pod) && pod.running_at.is_some()
            })
            .await?;
        let running_at = pod.running_at.context("it runs")?;
        let path = format!("{jobs}/{name}?propagationPolicy=Background&gracePeriodSeconds=0");
        api.call("DELETE", &path, None).await?;
        pods.until("the pod made by hand is gone", |pod| ours(pod) && pod.is_gone)
            .await?;
        Ok(ByHand {
            pod_created_ms: milliseconds(sent_at, pod.created_at),
            process_running_ms: milliseconds(sent_at, running_at),
        })
    }
}

fn idle(containers: &mut Value, name: &str) {
    for container in containers.as_array_mut().into_iter().flatten() {
        if container["name"] == name {
            container["command"] = json!(["sleep", "600"]);
            if let Some(fields) = container.as_object_mut() {
                // It asks for a socket that only the real one makes.
                fields.remove("startupProbe");
            }
        }
    }
}

pub(super) fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1_000.0
}
