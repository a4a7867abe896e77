//! From a label to an agent at work, and on to the pull request.

use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use lab::{Client, Lab};
use serde_json::{Value, json};

use super::by_hand::{Template, milliseconds};
use super::cluster::{Api, Pods, Seen};
use super::results::{RunTimes, Starts};

const LABEL: &str = "run:dev";
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs the command agent `count` times, one after the other, and makes the same Job by hand as often, in turn.
pub(super) async fn measure(lab: &Lab, count: usize) -> anyhow::Result<Starts> {
    let api = Api::of(lab)?;
    let pods = Pods::watch(&api).await?;
    let client = Client::new(&lab.endpoints, "admin")?;
    let label = Label {
        lab,
        client: &client,
        pods: &pods,
    };
    // The first run opens connections and makes the project's namespace; it is not counted.
    let number = label.open_issue().await?;
    label.set(number)?;
    let pod = label.pod_after(Timestamp::MIN).await?;
    let mut template = Template::of(&api, &pod).await?;
    label.times(number, &pod).await?;
    template.start(&api, &pods).await?;

    let (mut runs, mut by_hand) = (Vec::new(), Vec::new());
    for round in 0..count {
        eprintln!("  run {} of {count}", round + 1);
        if round % 2 == 1 {
            by_hand.push(template.start(&api, &pods).await?);
        }
        runs.push(label.run().await?);
        if round % 2 == 0 {
            by_hand.push(template.start(&api, &pods).await?);
        }
    }
    Ok(Starts { runs, by_hand })
}

struct Label<'a> {
    lab: &'a Lab,
    client: &'a Client,
    pods: &'a Pods,
}

impl Label<'_> {
    async fn run(&self) -> anyhow::Result<RunTimes> {
        let number = self.open_issue().await?;
        let now = orchestrator::Clock::default().now();
        self.set(number)?;
        let pod = self.pod_after(now).await?;
        self.times(number, &pod).await
    }

    async fn open_issue(&self) -> anyhow::Result<u64> {
        let issues = format!("/repos/{}/issues", self.lab.endpoints.repository);
        let body = json!({ "title": "Greet the reader", "body": "Add a section to the README.\n" });
        let issue = self.client.github("mia", "POST", &issues, Some(body)).await?;
        issue["number"].as_u64().context("the new issue's number")
    }

    fn set(&self, number: u64) -> anyhow::Result<()> {
        let repository = &self.lab.endpoints.repository;
        self.lab.github.label_issue(repository, number, LABEL, "mia")?;
        Ok(())
    }

    /// The next pod of the platform's: runs come one at a time.
    async fn pod_after(&self, moment: Timestamp) -> anyhow::Result<Seen> {
        let newer = |pod: &Seen| pod.namespace.starts_with("lab-") && pod.created_at > moment;
        self.pods
            .until("the run's pod runs", |pod| newer(pod) && pod.running_at.is_some())
            .await
    }

    /// Waits for the end of an issue's run and of its pod, and reads when what happened.
    async fn times(&self, number: u64, pod: &Seen) -> anyhow::Result<RunTimes> {
        let ask = json!({ "repository_id": self.lab.endpoints.repository_id, "number": number });
        let runs = self.client.call("run_list", ask).await?;
        let run = runs["runs"].get(0).context("the issue has a run")?;
        let events = self.events(&run["run_id"]).await?;
        let delivery = json!({ "delivery_id": run["delivery_id"] });
        let delivery = self.client.call("delivery_get", delivery).await?;
        let received_at = moment(&delivery["delivery"]["received_at"])?;
        self.pods
            .until("the run's pod is gone", |it| it.job == pod.job && it.is_gone)
            .await?;
        let after = |at: Timestamp| milliseconds(received_at, at);
        let event = |kind: &str| -> anyhow::Result<f64> {
            let found = events.iter().find(|event| event["kind"] == kind);
            let found =
                found.with_context(|| format!("the run of issue {number} is never {kind}: {events:?}"))?;
            Ok(after(moment(&found["at"])?))
        };
        Ok(RunTimes {
            queued_ms: event("queued")?,
            admitted_ms: event("admitted")?,
            starting_ms: event("starting")?,
            pod_created_ms: after(pod.created_at),
            process_running_ms: after(pod.running_at.context("the pod runs")?),
            first_heartbeat_ms: event("running")?,
            pull_request_ms: after(self.pull_request_at(&run["run_id"]).await?),
            succeeded_ms: event("succeeded")?,
        })
    }

    async fn events(&self, run_id: &Value) -> anyhow::Result<Vec<Value>> {
        let (mut events, mut after) = (Vec::new(), json!(0));
        let all = async {
            loop {
                let ask = json!({ "run_id": run_id, "after": after, "wait_ms": 10_000 });
                let page = self.client.call("run_event_list", ask).await?;
                events.extend(page["events"].as_array().cloned().unwrap_or_default());
                after = page["next_after"].clone();
                if page["complete"] == true {
                    return anyhow::Ok(());
                }
            }
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .context("a run has no end")??;
        Ok(events)
    }

    /// When GitHub answered that the pull request is there.
    async fn pull_request_at(&self, run_id: &Value) -> anyhow::Result<Timestamp> {
        let effects = self
            .client
            .call("effect_list", json!({ "run_id": run_id }))
            .await?;
        let all = effects["effects"].as_array().context("the run has effects")?;
        let opened = all.iter().find(|effect| effect["kind"] == "pull_request");
        let opened = opened.context("the run has a pull request")?;
        ensure!(
            opened["state"] == "applied",
            "the pull request is not open: {opened}"
        );
        moment(&opened["applied_at"])
    }
}

fn moment(value: &Value) -> anyhow::Result<Timestamp> {
    Ok(value.as_str().context("a moment is missing")?.parse()?)
}
