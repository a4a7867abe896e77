//! Looking at what came of it, where it is: in git, at GitHub, in the cluster, in the database.

use std::path::PathBuf;

use orchestrator::Actor;
use orchestrator::delivery::{self, Delivery, Filter};
use orchestrator::page::PageAsk;
use serde_json::{Value, json};
use tokio::process::Command;

use super::world::World;
use super::{Ended, eventually};

impl World {
    /// Clones a branch from the simulated GitHub with a real git, and answers the folder.
    pub(crate) async fn cloned(&self, branch: &str) -> PathBuf {
        let token = self.lab.github.person_token("mia").expect("a token");
        let url = format!("{}/{}.git", self.lab.github.url(), lab::REPOSITORY);
        let url = url.replace("http://", &format!("http://x-access-token:{token}@"));
        let folder = self
            .folder()
            .join(format!("clone-{}", uuid::Uuid::new_v4().simple()));
        let cloned = Command::new("git")
            .args(["clone", "--quiet", "--branch", branch, &url])
            .arg(&folder)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .status()
            .await
            .expect("git runs");
        assert!(cloned.success(), "{branch} is cloned");
        folder
    }

    /// The one pull request from a run's branch, whose head is the run's commit.
    pub(crate) fn pull_request(&self, ended: &Ended) -> Value {
        let pulls = self.pull_requests(&ended.run["branch"]);
        let [pull] = pulls.as_slice() else {
            panic!("one pull request, not {pulls:#?}")
        };
        assert_eq!(pull["number"], ended.run["pull_request_number"]);
        assert_eq!(pull["head"]["sha"], ended.run["head_sha"]);
        pull.clone()
    }

    /// Names of all branches at the simulated GitHub.
    pub(crate) async fn branches(&self) -> Vec<String> {
        let path = format!("/repos/{}/branches", lab::REPOSITORY);
        let branches = self.staff.github("mia", "GET", &path, None).await;
        let name = |branch: &Value| branch["name"].as_str().unwrap_or_default().to_owned();
        let branches = branches.expect("a list of branches");
        branches.as_array().expect("a list").iter().map(name).collect()
    }

    pub(crate) fn pull_requests(&self, branch: &Value) -> Vec<Value> {
        let all = self.lab.github.pull_requests(lab::REPOSITORY);
        let mut pulls = all.expect("the repository is there");
        pulls.retain(|pull| pull["head"]["ref"] == *branch);
        pulls
    }

    /// Texts of the comments under an issue.
    pub(crate) fn comments(&self, number: i64) -> Vec<String> {
        let number = u64::try_from(number).expect("a number of an issue");
        let comments = self.lab.github.comments(lab::REPOSITORY, number);
        let text = |comment: &Value| comment["body"].as_str().unwrap_or_default().to_owned();
        comments.expect("the issue is there").iter().map(text).collect()
    }

    /// A delivery under its GUID, once it has a verdict.
    pub(crate) async fn settled(&self, guid: &str) -> Delivery {
        eventually(&format!("a verdict on {guid}"), async || {
            let all = self.deliveries().await;
            all.into_iter()
                .find(|delivery| delivery.guid == guid && delivery.verdict.is_some())
        })
        .await
    }

    /// All deliveries, newest first, whosever they are.
    pub(crate) async fn deliveries(&self) -> Vec<Delivery> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let ask = PageAsk::new(Some(100), cursor.as_deref()).expect("a page");
            let (system, all_of_them) = (Actor::System("story"), Filter::default());
            let page = delivery::list(&self.orchestrator, &system, &all_of_them, ask)
                .await
                .expect("a list");
            all.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return all;
            }
        }
    }

    /// Waits until nothing is left: no pod, no Job, no Secret, and every slot free.
    pub(crate) async fn leaves_nothing(&self) {
        eventually(
            "nothing is left in the cluster, and every slot is free",
            async || {
                let slots = self.call("slot_list", json!({})).await;
                let slots = slots["slots"].as_array().cloned().unwrap_or_default();
                let free = slots.iter().all(|slot| slot["state"] == "free");
                let empty = self.lab.cluster.pods().is_empty()
                    && self.cluster_list("/api/v1/secrets").await.is_empty()
                    && self.cluster_list("/apis/batch/v1/jobs").await.is_empty();
                (free && empty).then_some(())
            },
        )
        .await;
    }

    /// Items of a list of the cluster.
    pub(crate) async fn cluster_list(&self, path: &str) -> Vec<Value> {
        let list: Value = self.cluster("GET", path, None).await;
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn cluster(&self, method: &str, path: &str, merge: Option<Value>) -> Value {
        let cluster = &self.lab.cluster;
        let url = format!("{}{path}", cluster.url());
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, url).bearer_auth(cluster.token());
        if let Some(merge) = merge {
            request = request
                .header("content-type", "application/merge-patch+json")
                .body(merge.to_string());
        }
        let answer = request.send().await.expect("the cluster answers");
        answer.json().await.expect("JSON")
    }
}

/// What git says in a folder.
pub(crate) async fn git(folder: &std::path::Path, arguments: &[&str]) -> String {
    let output = Command::new("git").current_dir(folder).args(arguments).output();
    let output = output.await.expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
