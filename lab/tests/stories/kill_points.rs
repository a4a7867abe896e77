//! kill -9 of the worker at every step between a delivery and its pull request: a point before and after each commit and
//! each request outward. The lab starts it again, and everything ends as if nothing had been.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use orchestrator::Actor;
use orchestrator::project::{self, Limits};
use orchestrator::slot;
use serde_json::{Value, json};

use crate::kit::killing::{dies, name, points, repository};
use crate::kit::{World, within};

/// A point, and what a run has behind it when it gets there: an event of its own, or only its delivery.
type Point = (&'static str, Option<&'static str>);

/// From the delivery to the runner's start.
const TO_THE_POD: [Point; 23] = [
    ("github.list_installations", None),
    ("github.get_app", None),
    ("github.mint_token", None),
    ("github.get_account", None),
    ("delivery.examine", None),
    ("github.get_issue", None),
    ("github.get_permission", None),
    ("delivery.settle", None),
    ("run.admit", Some("queued")),
    ("github.get_file", Some("admitted")),
    ("run.narrow", Some("admitted")),
    ("run.want_pod", Some("admitted")),
    ("kubernetes.get_namespace", Some("admitted")),
    ("kubernetes.apply_namespace", Some("admitted")),
    ("kubernetes.apply_closing_networkpolicy", Some("admitted")),
    ("kubernetes.apply_egress_networkpolicy", Some("admitted")),
    ("kubernetes.apply_resourcequota", Some("admitted")),
    ("kubernetes.apply_limitrange", Some("admitted")),
    ("kubernetes.create_job", Some("admitted")),
    ("kubernetes.apply_secret", Some("admitted")),
    ("kubernetes.get_the_job_to_release", Some("admitted")),
    ("kubernetes.release_job", Some("admitted")),
    ("port_call.answer", Some("starting")),
];

/// From the runner's work to the last word on the issue.
const TO_THE_PULL_REQUEST: [Point; 16] = [
    // Passed 30 s after its run's end, so the last to be armed, for whichever run comes by.
    ("github.edit_comment", Some("queued")),
    ("effect.claim", Some("queued")),
    ("github.create_comment", Some("queued")),
    ("effect.settle", Some("queued")),
    ("github.list_pull_requests", Some("running")),
    ("github.open_pull_request", Some("running")),
    ("github.get_branch", Some("finishing")),
    ("run.settle", Some("finishing")),
    ("kubernetes.get_the_job_to_remove", Some("finishing")),
    ("kubernetes.delete_job", Some("finishing")),
    ("kubernetes.look_for_the_job", Some("finishing")),
    ("kubernetes.look_for_a_pod", Some("finishing")),
    ("run.pod_proven_gone", Some("finishing")),
    ("github.list_labels", Some("queued")),
    ("github.add_labels", Some("queued")),
    ("github.remove_label", Some("queued")),
];

/// Passed by what brings a killed run back, if its turn comes while the story waits: the worker dies there too.
const ON_THE_WAY_BACK: [&str; 8] = [
    "run.reconcile",
    "effect.reconcile",
    "delivery.requeue_unprocessed",
    "github.list_comments",
    "kubernetes.get_the_job_that_was_there",
    "run.pod_ended",
    "run.reap",
    "slot.end_holds",
];

/// Passed by loops at their own time, or only when something went wrong before.
const BESIDE: [&str; 69] = [
    "delivery.begin_sweep",
    "delivery.end_sweep",
    "delivery.attempt_failed",
    "github.list_deliveries",
    "github.redeliver",
    "github.get_pull_request",
    "github.compare_commits",
    "github.find_organisation_installation",
    "github.list_members",
    "github.list_issues",
    "github.find_issue",
    "github.create_issue",
    "github.list_reviews",
    "github.create_review",
    "github.read_comments",
    "github.read_reviews",
    "github.read_review_comments",
    "rule.claim",
    "rule.listed",
    "rule.not_listed",
    "rule.recheck",
    "slot.proof_missing",
    "run.agent_out_of_memory",
    "run.fail_start",
    "run.pod_waits",
    "run.sweep",
    "credential.sweep",
    "port_call.fail",
    "port_call.sweep",
    "approval.expire",
    "delivery.sweep_bodies",
    "idempotency.sweep",
    "audit.seal",
    "credential.ensure_signing_key",
    "credential.reseal",
    "login.sweep",
    "oauth.sweep",
    "oauth.sweep_clients",
    "session.sweep",
    "workers.beat",
    // An attached repository is indexed while its run is under way.
    "github.get_repository",
    "mirror.fetch",
    "knowledge.agree_on",
    "knowledge.begin",
    "knowledge.compare",
    "knowledge.due",
    "knowledge.fail",
    "knowledge.finish",
    "knowledge.forget_some",
    "knowledge.keep_vectors",
    "knowledge.put",
    "knowledge.recall",
    "knowledge.refuse",
    "knowledge.skip",
    "knowledge.sweep",
    "kubernetes.list_namespaces",
    "kubernetes.list_jobs",
    "kubernetes.list_pods",
    "kubernetes.list_owned_jobs",
    "kubernetes.list_owned_secrets",
    "kubernetes.list_owned_pods",
    "kubernetes.list_left_secrets",
    "kubernetes.list_left_pods",
    "kubernetes.delete_secret",
    "kubernetes.delete_pod",
    "kubernetes.list_pods_of_a_runner",
    "kubernetes.list_events",
    "kubernetes.read_log",
    // Asked by readiness.
    "kubernetes.look_for_a_namespace",
];

/// Counted from the last of the kills: until then the worker dies every second or two, with whatever it has in hand. A
/// killed worker's job is taken up again after 30 s, its write lane after 45 s.
const RECOVERED_WITHIN: Duration = Duration::from_mins(2);
/// A point that loops pass for whichever run is there may kill every worker before it comes to the one it was armed for:
/// after so many deaths any of them counts.
const MOST_DEATHS: u32 = 4;
/// So long the story waits for what is passed on the way back.
const WAY_BACK: Duration = Duration::from_secs(35);

#[tokio::test]
async fn from_the_delivery_to_the_pod() {
    kill_at(&TO_THE_POD).await;
}

#[tokio::test]
async fn from_the_pod_to_the_pull_request() {
    kill_at(&TO_THE_PULL_REQUEST).await;
}

/// Killed at a point, with a run of its own.
struct Killed {
    point: String,
    n: usize,
    repository_id: String,
    at: Timestamp,
}

/// Each point gets a repository, and so a write lane, of its own; the next is armed while the last one recovers. Late
/// points come first: a run that recovers from one has the earlier ones behind it and does not die there in another's place.
async fn kill_at(places: &[Point]) {
    let faults = tempfile::tempdir().expect("a folder");
    let file = faults.path().join("armed");
    let record = file.with_extension("passed");
    std::fs::write(&record, "").expect("a record");
    let world = World::with(|config| {
        config.replicas = Some(1);
        config.fault_file = Some(file.clone());
    })
    .await;
    make_room(&world, places.len() * 2).await;
    let mut killed = Vec::new();
    for (name, behind) in places.iter().rev() {
        for point in points(&[*name]).into_iter().rev() {
            let n = killed.len();
            let repository_id = repository(&world, n).await;
            std::fs::write(&file, &point).expect("armed");
            label(&world, n);
            let mut deaths = 1;
            dies(&file, &point).await;
            while deaths < MOST_DEATHS && !is_there(&world, n, &repository_id, *behind).await {
                // The worker died there with another run in hand, before this one came.
                std::fs::write(&file, &point).expect("armed again");
                deaths += 1;
                dies(&file, &point).await;
            }
            let at = world.orchestrator.clock().now();
            println!("{point:<40} run {n}, death {deaths}");
            killed.push(Killed {
                point,
                n,
                repository_id,
                at,
            });
        }
    }
    die_on_the_way_back(&file).await;
    let last_kill = world.orchestrator.clock().now();
    let unrecorded = unknown(&record);
    assert_eq!(unrecorded, BTreeSet::new(), "points this story does not know");
    for killed in &killed {
        recovered(&world, killed, last_kill).await;
    }
    world.leaves_nothing().await;
    world.end().await;
}

/// Whether the run of this repository is past what lies before its point.
async fn is_there(world: &World, n: usize, repository_id: &str, behind: Option<&str>) -> bool {
    let Some(kind) = behind else {
        let sent = world.lab.github.deliveries().into_iter();
        let mut ours = sent.filter(|one| one.repository_id == Some(7000 + n as u64));
        return ours.any(|one| one.status_code == 202);
    };
    let runs = world
        .call("run_list", json!({ "repository_id": repository_id }))
        .await;
    let Some(run_id) = runs["runs"][0]["run_id"].as_str() else {
        return false;
    };
    let page = world.call("run_event_list", json!({ "run_id": run_id })).await;
    let events = page["events"].as_array().cloned().unwrap_or_default();
    events.iter().any(|event| event["kind"] == kind)
}

async fn die_on_the_way_back(file: &Path) {
    let all = points(&ON_THE_WAY_BACK);
    std::fs::write(file, all.join("\n")).expect("armed");
    tokio::time::sleep(WAY_BACK).await;
    let left = std::fs::read_to_string(file).expect("readable");
    std::fs::write(file, "").expect("disarmed");
    let left: BTreeSet<&str> = left.lines().collect();
    for point in all.iter().filter(|point| !left.contains(point.as_str())) {
        println!("{point:<40} on the way back");
    }
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

/// Starts the run of a repository.
fn label(world: &World, n: usize) {
    let github = &world.lab.github;
    github
        .label_issue(&name(n), 1, "run:dev", "mia")
        .expect("labelled");
}

/// Points in the record that no list names.
fn unknown(record: &PathBuf) -> BTreeSet<String> {
    let on_the_way = TO_THE_POD.iter().chain(&TO_THE_PULL_REQUEST);
    let names: Vec<&str> = on_the_way
        .map(|(name, _)| *name)
        .chain(ON_THE_WAY_BACK)
        .chain(BESIDE)
        .collect();
    let known: BTreeSet<String> = points(&names).into_iter().collect();
    let passed = std::fs::read_to_string(record).expect("a record");
    let passed = passed.lines().map(str::to_owned);
    passed.filter(|point| !known.contains(point)).collect()
}

async fn recovered(world: &World, killed: &Killed, last_kill: Timestamp) {
    let Killed {
        point,
        n,
        repository_id,
        at,
    } = killed;
    let n = *n;
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
    let after = |moment: Timestamp| finished_at.duration_since(moment).as_secs_f64();
    let seconds = after(last_kill);
    println!(
        "{point:<40} ended {:>6.1} s after its kill, {seconds:>6.1} s after the last",
        after(*at)
    );
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
