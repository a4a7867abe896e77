//! A lab and those who use it.

use std::path::{Path, PathBuf};

use lab::{Client, Lab, LabConfig};
use orchestrator::id::ProjectId;
use orchestrator::{Clock, Orchestrator, Settings};
use serde_json::{Value, json};

use super::hook::Hook;
use super::{PATIENCE, eventually};

/// A lab with a folder of its own.
pub(crate) struct World {
    pub(crate) lab: Lab,
    /// The platform's memory, for what no tool offers: profiles, limits, pauses.
    pub(crate) orchestrator: Orchestrator,
    /// Calls tools as an administrator of the project.
    pub(crate) staff: Client,
    pub(super) http: reqwest::Client,
    folder: tempfile::TempDir,
}

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) run_id: String,
    pub(crate) run: Value,
    pub(crate) events: Vec<Value>,
}

impl Ended {
    pub(crate) fn state(&self) -> &str {
        self.run["state"].as_str().unwrap_or_default()
    }

    /// Why it failed: reason and sub-reason.
    pub(crate) fn reasons(&self) -> (&str, &str) {
        let word = |name: &str| self.run[name].as_str().unwrap_or_default();
        (word("reason"), word("sub_reason"))
    }
}

impl World {
    /// A lab with everything in one process.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut LabConfig)) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lab-")
            .tempdir()
            .expect("a folder");
        let mut config = LabConfig {
            dir: folder.path().join("lab"),
            port: 0,
            database_url: None,
            replicas: None,
            model: None,
            unsafe_without_isolation: false,
            throw_away: true,
            console: None,
            fault_file: None,
            lab_program: PathBuf::from(env!("CARGO_BIN_EXE_lab")),
            runner_program: PathBuf::from(env!("CARGO_BIN_EXE_lab-runner")),
            programs: None,
            calls_per_second: None,
            log_file: None,
            local_embedder: false,
        };
        change(&mut config);
        let secrets = config.dir.join("secrets");
        let lab = Lab::start(config).await.expect("the lab starts");
        let settings = Settings::read(
            &secrets.join("database-url"),
            Some(&secrets.join("master-key")),
            4,
        )
        .expect("the lab's own settings");
        let orchestrator = Orchestrator::open(settings, Clock::default())
            .await
            .expect("the lab's database answers");
        let staff = Client::new(&lab.endpoints, "admin").expect("a token of this role");
        Self {
            lab,
            orchestrator,
            staff,
            http: http(),
            folder,
        }
    }

    /// Ends the lab in order, after a look at whether everything said to GitHub was as GitHub describes its API.
    pub(crate) async fn end(self) {
        let log = self.lab.github.log().await.expect("what GitHub saw");
        assert!(log.contract_errors.is_empty(), "{:#?}", log.contract_errors);
        self.orchestrator.close().await;
        self.lab.stop().await.expect("the lab ends in order");
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn project_id(&self) -> ProjectId {
        self.lab.endpoints.project_id.into()
    }

    /// Lets this script be the agent of the stage `dev`.
    pub(crate) async fn agent(&self, script: &str) {
        lab::use_command(&self.orchestrator, self.project_id(), script)
            .await
            .expect("a profile");
    }

    /// Calls a tool that does not refuse.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answered = self.staff.call(tool, arguments).await;
        answered.unwrap_or_else(|error| panic!("{tool}: {error:#}"))
    }

    /// Opens an issue in a person's name; answers its number.
    pub(crate) async fn open_issue(&self, by: &str) -> i64 {
        let issues = format!("/repos/{}/issues", lab::REPOSITORY);
        let body = json!({ "title": "A wish", "body": "Please do it.\n" });
        let issue = self.staff.github(by, "POST", &issues, Some(body)).await;
        issue.expect("an issue is opened")["number"]
            .as_i64()
            .expect("a number")
    }

    /// Opens an issue and labels it in the name of somebody who may; answers its number.
    pub(crate) async fn labelled_issue(&self) -> i64 {
        let number = self.open_issue("mia").await;
        self.label(number, "run:dev", "mia");
        number
    }

    pub(crate) fn label(&self, number: i64, label: &str, by: &str) {
        let number = u64::try_from(number).expect("a number of an issue");
        let github = &self.lab.github;
        github
            .label_issue(lab::REPOSITORY, number, label, by)
            .expect("the label is set");
    }

    /// Sends a webhook; answers the status.
    pub(crate) async fn post(&self, hook: &Hook) -> u16 {
        self.post_to(&self.lab.endpoints.webhook_url, hook).await
    }

    pub(crate) async fn post_to(&self, url: &str, hook: &Hook) -> u16 {
        let mut request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("x-github-event", &hook.event)
            .header("x-github-delivery", &hook.guid);
        if let Some(signature) = &hook.signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let sent = request.body(hook.body.clone()).send().await;
        sent.expect("the gateway answers").status().as_u16()
    }

    /// Runs of an issue, newest first.
    pub(crate) async fn runs(&self, number: i64) -> Vec<Value> {
        let ask = json!({ "repository_id": self.lab.endpoints.repository_id, "number": number });
        let runs = self.call("run_list", ask).await;
        runs["runs"].as_array().cloned().unwrap_or_default()
    }

    /// Waits for the run of an issue; answers its id.
    pub(crate) async fn run_of(&self, number: i64) -> String {
        eventually(&format!("a run of issue {number}"), async || {
            let runs = self.runs(number).await;
            runs.first()?["run_id"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Waits until a run has passed an event of this kind.
    pub(crate) async fn passes(&self, run_id: &str, kind: &str) {
        eventually(&format!("run {run_id} passes {kind}"), async || {
            let page = self.call("run_event_list", json!({ "run_id": run_id })).await;
            let events = page["events"].as_array().cloned().unwrap_or_default();
            events.iter().any(|event| event["kind"] == kind).then_some(())
        })
        .await;
    }

    pub(crate) async fn run(&self, run_id: &str) -> Value {
        self.call("run_get", json!({ "run_id": run_id })).await
    }

    /// Waits for the end of a run.
    pub(crate) async fn ended(&self, run_id: &str) -> Ended {
        let (mut events, mut after) = (Vec::new(), 0);
        let followed = tokio::time::timeout(PATIENCE, async {
            loop {
                let ask = json!({ "run_id": run_id, "after": after, "wait_ms": 10_000 });
                // A platform that is being restarted is asked again.
                let Ok(page) = self.staff.call("run_event_list", ask).await else {
                    tokio::time::sleep(super::BETWEEN_LOOKS).await;
                    continue;
                };
                events.extend(page["events"].as_array().cloned().unwrap_or_default());
                after = page["next_after"].as_u64().unwrap_or(after);
                if page["complete"] == true {
                    return;
                }
            }
        });
        if followed.await.is_err() {
            let why = self.call("run_explain", json!({ "run_id": run_id })).await;
            panic!("run {run_id} has no end: {why:#}\n{events:#?}");
        }
        Ended {
            run_id: run_id.to_owned(),
            run: self.run(run_id).await,
            events,
        }
    }

    /// Waits for the run of an issue to succeed.
    pub(crate) async fn succeeded(&self, number: i64) -> Ended {
        let run_id = self.run_of(number).await;
        let ended = self.ended(&run_id).await;
        assert_eq!(ended.state(), "succeeded", "{:#}", ended.run);
        ended
    }
}

fn http() -> reqwest::Client {
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    client.expect("a client")
}
