//! The cluster's own doors: its API, and what becomes of pods.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use lab::Lab;
use orchestrator::Clock;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The longest wait for one thing to happen to a pod.
const PATIENCE: Duration = Duration::from_mins(2);
const ONE_CALL: Duration = Duration::from_secs(10);
const SUPERVISOR: &str = "supervisor";

/// Calls to the Kubernetes API.
#[derive(Clone)]
pub(super) struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    pub(super) fn of(lab: &Lab) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .tcp_nodelay(true)
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            base: lab.cluster.url(),
            token: lab.cluster.token().to_owned(),
        })
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut request = self
            .client
            .request(method.parse()?, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .timeout(ONE_CALL);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{method} {path} answered {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

/// A pod, as the watch told of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) namespace: String,
    pub(super) job: String,
    pub(super) created_at: Timestamp,
    /// The first process of ours runs.
    pub(super) running_at: Option<Timestamp>,
    pub(super) is_gone: bool,
}

/// All pods since the watch began.
pub(super) struct Pods {
    seen: watch::Receiver<BTreeMap<String, Seen>>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Pods {
    pub(super) async fn watch(api: &Api) -> anyhow::Result<Self> {
        let (tell, seen) = watch::channel(BTreeMap::new());
        let mut stream = api
            .client
            .get(format!("{}/api/v1/pods?watch=true", api.base))
            .bearer_auth(&api.token)
            .send()
            .await?
            .error_for_status()?;
        let task = tokio::spawn(async move {
            let clock = Clock::default();
            let mut rest = Vec::new();
            while let Some(piece) = stream.chunk().await? {
                let now = clock.now();
                rest.extend_from_slice(&piece);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    let event: Value = serde_json::from_slice(&line)?;
                    tell.send_modify(|seen| note(seen, &event, now));
                }
            }
            Ok(())
        });
        Ok(Self { seen, task })
    }

    /// Waits until a pod is as wanted, and answers it.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&Seen) -> bool) -> anyhow::Result<Seen> {
        let mut seen = self.seen.clone();
        let found = async {
            let all = seen.wait_for(|all| all.values().any(&wanted)).await?;
            let found = all.values().find(|it| wanted(it)).cloned();
            found.context("it was there a moment ago")
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .with_context(|| format!("not within {} s: {what}", PATIENCE.as_secs()))?
            .with_context(|| format!("the watch of pods ended before {what}"))
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn note(seen: &mut BTreeMap<String, Seen>, event: &Value, now: Timestamp) {
    let pod = &event["object"];
    let text = |pointer: &str| {
        pod.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let entry = seen.entry(text("/metadata/uid")).or_insert_with(|| Seen {
        namespace: text("/metadata/namespace"),
        job: text("/metadata/labels/batch.kubernetes.io~1job-name"),
        created_at: now,
        running_at: None,
        is_gone: false,
    });
    entry.is_gone |= event["type"] == "DELETED";
    let containers = pod["status"]["initContainerStatuses"]
        .as_array()
        .into_iter()
        .flatten();
    let runs = containers
        .filter(|container| container["name"] == SUPERVISOR)
        .any(|container| !container["state"]["running"].is_null());
    if runs && entry.running_at.is_none() {
        entry.running_at = Some(now);
    }
}
