//! kill -9 of the worker at every step between a delivery and its pull request: a point before and after each commit and
//! each call outward. The lab starts it again, and everything ends as if nothing had been.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use github_sim::{AccountKind, AccountSeed, IssueSeed, LabelSeed, RepositorySeed, Role, Seed};
use jiff::Timestamp;
use orchestrator::Actor;
use orchestrator::project::{self, Limits};
use orchestrator::repository::{self, NewRepository};
use orchestrator::slot;
use serde_json::{Value, json};

use crate::kit::{World, within};

/// From the delivery to the runner's start.
const TO_THE_POD: [&str; 12] = [
    "code_host.own_account",
    "delivery.examine",
    "code_host.issue",
    "code_host.permission",
    "delivery.settle",
    "run.admit",
    "run.want_pod",
    "cluster.ensure_project",
    "cluster.prepare_runner",
    "cluster.release_runner",
    "code_host.repository_token",
    "port_call.answer",
];

/// From the runner's work to the last word on the issue. What comes late in a run's life comes last.
const TO_THE_PULL_REQUEST: [&str; 12] = [
    "effect.claim",
    "code_host.create_comment",
    "effect.settle",
    "code_host.find_pull_request",
    "code_host.open_pull_request",
    "code_host.branch_head",
    "run.settle",
    "cluster.remove_runner",
    "cluster.runner_gone",
    "run.pod_proven_gone",
    "code_host.change_labels",
    "code_host.edit_comment",
];

/// Passed by loops at their own time, or only when something went wrong before.
const BESIDE: [&str; 24] = [
    "run.reconcile",
    "effect.reconcile",
    "delivery.requeue_unprocessed",
    "delivery.begin_sweep",
    "delivery.end_sweep",
    "delivery.attempt_failed",
    "code_host.deliveries",
    "code_host.find_comment",
    "code_host.contains",
    "code_host.pull_request",
    "cluster.list_runners",
    "cluster.list_owned",
    "cluster.remove_owned",
    "slot.end_holds",
    "slot.proof_missing",
    "run.begin_start",
    "run.agent_out_of_memory",
    "run.pod_ended",
    "run.pod_waits",
    "run.sweep",
    "credential.sweep",
    "port_call.sweep",
    "delivery.sweep_bodies",
    "idempotency.sweep",
];

/// Counted from the last of the kills: until then the worker dies every second or two, with whatever it has in hand. A
/// killed worker's job is taken up again after 30 s, its write lane after 45 s.
const RECOVERED_WITHIN: Duration = Duration::from_mins(2);
/// A status comment is edited 30 s after it was written.
const PASSED_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test]
async fn from_the_delivery_to_the_pod() {
    kill_at(&points(&TO_THE_POD)).await;
}

#[tokio::test]
async fn from_the_pod_to_the_pull_request() {
    kill_at(&points(&TO_THE_PULL_REQUEST)).await;
}

/// The points of a commit, or of a call outward.
fn points(names: &[&str]) -> Vec<String> {
    let both = |name: &&str| {
        let [before, after] = if name.starts_with("code_host.") || name.starts_with("cluster.") {
            ["before", "after"]
        } else {
            ["before_commit", "after_commit"]
        };
        [format!("{name}:{before}"), format!("{name}:{after}")]
    };
    names.iter().flat_map(both).collect()
}

/// Each point gets a repository, and so a write lane, of its own; the next is armed while the last one recovers.
async fn kill_at(points: &[String]) {
    let faults = tempfile::tempdir().expect("a folder");
    let file = faults.path().join("armed");
    let record = file.with_extension("passed");
    std::fs::write(&record, "").expect("a record");
    let world = World::with(|config| {
        config.replicas = Some(1);
        config.fault_file = Some(file.clone());
    })
    .await;
    make_room(&world, points.len()).await;
    let mut killed = Vec::new();
    for (n, point) in points.iter().enumerate() {
        let repository_id = repository(&world, n).await;
        kill(&world, &file, point, n).await;
        killed.push((point, repository_id));
    }
    let last_kill = world.orchestrator.clock().now();
    let unrecorded = unknown(&record);
    assert_eq!(unrecorded, BTreeSet::new(), "points this story does not know");
    for (n, (point, repository_id)) in killed.into_iter().enumerate() {
        recovered(&world, point, &repository_id, n, last_kill).await;
    }
    world.leaves_nothing().await;
    world.end().await;
}

async fn make_room(world: &World, runs: usize) {
    let runs = i32::try_from(runs).expect("few");
    let system = Actor::System("story");
    let limits = Limits {
        max_live_runs: runs,
        ..Limits::default()
    };
    project::set_limits(&world.orchestrator, &system, world.project_id(), limits)
        .await
        .expect("limits");
    let mut tx = world
        .orchestrator
        .begin("story.slots")
        .await
        .expect("a transaction");
    slot::ensure(&mut tx, world.project_id(), runs)
        .await
        .expect("slots");
    tx.commit().await.expect("committed");
}

fn name(n: usize) -> String {
    format!("owner-{n}/hello")
}

/// A repository of another owner, with an issue, known to the project; answers its id.
async fn repository(world: &World, n: usize) -> String {
    let owner = format!("owner-{n}");
    let seed = Seed {
        accounts: vec![AccountSeed {
            login: owner.clone(),
            kind: AccountKind::Organization,
            ..AccountSeed::default()
        }],
        repositories: vec![RepositorySeed {
            id: Some(7000 + n as u64),
            owner: owner.clone(),
            name: "hello".into(),
            roles: [("mia".to_owned(), Role::Write)].into(),
            files: [("README.md".to_owned(), "# hello\n".to_owned())].into(),
            labels: vec![LabelSeed {
                name: "run:dev".into(),
                ..LabelSeed::default()
            }],
            issues: vec![IssueSeed {
                number: Some(1),
                title: "A wish".into(),
                author: "mia".into(),
                ..IssueSeed::default()
            }],
            ..RepositorySeed::default()
        }],
    };
    let github = &world.lab.github;
    github.seed(&seed).await.expect("seeded");
    let installation = github.installation_id(&owner).expect("the App is installed");
    let new = NewRepository {
        project_id: world.project_id(),
        github_repository_id: 7000 + i64::try_from(n).expect("few"),
        installation_id: i64::try_from(installation).expect("small"),
        owner,
        name: "hello".into(),
        default_branch: "main".into(),
        clone_url: format!("{}/{}.git", github.url(), name(n)),
        agent_image: None,
    };
    let attached = repository::attach(&world.orchestrator, &Actor::System("story"), new).await;
    attached.expect("attached").repository_id.to_string()
}

/// Arms a point, starts a run, and waits until the worker died there.
async fn kill(world: &World, file: &Path, point: &str, n: usize) {
    std::fs::write(file, point).expect("armed");
    world
        .lab
        .github
        .label_issue(&name(n), 1, "run:dev", "mia")
        .expect("labelled");
    within(PASSED_WITHIN, &format!("{point} is passed"), async || {
        std::fs::read_to_string(file)
            .is_ok_and(|left| left.is_empty())
            .then_some(())
    })
    .await;
}

/// Points in the record that no list names.
fn unknown(record: &PathBuf) -> BTreeSet<String> {
    let known: BTreeSet<String> = [&TO_THE_POD[..], &TO_THE_PULL_REQUEST, &BESIDE]
        .into_iter()
        .flat_map(points)
        .collect();
    let passed = std::fs::read_to_string(record).expect("a record");
    let passed = passed.lines().map(str::to_owned);
    passed.filter(|point| !known.contains(point)).collect()
}

async fn recovered(world: &World, point: &str, repository_id: &str, n: usize, last_kill: Timestamp) {
    let ask = json!({ "repository_id": repository_id });
    let run = within(RECOVERED_WITHIN, &format!("a run although {point}"), async || {
        let runs = world.staff.call("run_list", ask.clone()).await.ok()?;
        let over = runs["runs"][0]["finished_at"].is_string();
        over.then(|| runs["runs"].clone())
    })
    .await;
    assert_eq!(run.as_array().map(Vec::len), Some(1), "one run: {point}");
    let run = &run[0];
    assert_eq!(run["state"], "succeeded", "{point}: {run:#}");
    let finished_at: Timestamp = run["finished_at"]
        .as_str()
        .and_then(|at| at.parse().ok())
        .expect("a moment");
    let seconds = finished_at.duration_since(last_kill).as_secs_f64();
    println!("{point:<40} ended {seconds:>6.1} s after the last kill");
    assert!(seconds < RECOVERED_WITHIN.as_secs_f64(), "{point}: {seconds} s");

    let github = &world.lab.github;
    let pulls = github.pull_requests(&name(n)).expect("pull requests");
    assert_eq!(pulls.len(), 1, "one pull request: {point}");
    assert_eq!(pulls[0]["head"]["sha"], run["head_sha"], "{point}");
    let says_so = async || {
        let comments = github.comments(&name(n), 1).expect("comments");
        assert!(comments.len() <= 1, "one comment: {point}: {comments:#?}");
        let told = |comment: &Value| {
            comment["body"]
                .as_str()
                .is_some_and(|text| text.contains("/pull/"))
        };
        comments.first().is_some_and(told).then_some(())
    };
    within(
        RECOVERED_WITHIN,
        &format!("the status comment tells the end although {point}"),
        says_so,
    )
    .await;
}
