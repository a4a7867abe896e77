//! Why did nothing happen? Every reason for leaving an event alone, and every wait of a run, read through the tools.
//!
//! Reasons that name no project (`not_bound`, `no_rule` of an event without a repository, `unreadable`) are for people with
//! a platform role, whom no token of a project is: they are read as the platform reads them.

use std::collections::BTreeSet;

use orchestrator::delivery::{self, Verdict};
use orchestrator::project::{self, Limits};
use orchestrator::trigger::{ConflictReason, IgnoreReason};
use orchestrator::{Actor, identity, repository, run};
use serde_json::{Value, json};

use crate::kit::{Hook, World, example};

/// Reasons that a story cannot bring about; `trigger`'s own table of decisions has them.
const BY_TABLE: [&str; 5] = ["own_event", "moved_on", "finishing", "too_deep", "stage_unclear"];

const WAIT: &str = "while :; do sleep 0.2; done";
const STARTS: &str = "run:dev";

/// A story's deliveries and what became of them.
struct Inbox<'a> {
    world: &'a World,
    seen: BTreeSet<String>,
}

impl Inbox<'_> {
    /// Sends the labeled example, changed, and reads why nothing came of it.
    async fn expect(&mut self, reason: &str, event: &str, payload: Value) {
        let hook = Hook::signed(&self.world.lab.endpoints.webhook_secret, event, &payload);
        assert_eq!(self.world.post(&hook).await, 202);
        let delivery = self.world.settled(&hook.guid).await;
        let found = delivery.verdict.as_ref().and_then(Verdict::reason);
        assert_eq!(found, Some(reason), "{event}: {delivery:?}");
        let (sentence, next) = if delivery.project_id.is_some() {
            let ask = json!({ "delivery_id": delivery.delivery_id.uuid() });
            let told = self.world.call("delivery_explain", ask).await;
            let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
            (text("summary"), text("next"))
        } else {
            let system = Actor::System("story");
            let told = delivery::explain(&self.world.orchestrator, &system, delivery.delivery_id).await;
            let told = told.expect("an explanation");
            (told.sentence, told.next)
        };
        let words = words(reason);
        assert!(sentence.starts_with(words.sentence), "{reason}: {sentence}");
        assert_eq!(next, words.next, "{reason}");
        self.seen.insert(reason.to_owned());
    }
}

fn words(reason: &str) -> orchestrator::trigger::Words {
    IgnoreReason::parse(reason)
        .map(IgnoreReason::explain)
        .or_else(|| ConflictReason::parse(reason).map(ConflictReason::explain))
        .expect("a known reason")
}

/// The labeled example, on an issue of the lab, labelled by mia.
fn labeled(world: &World, number: i64, label: &str) -> Value {
    let mut payload = example("issues", "labeled");
    payload["repository"]["id"] = json!(world.lab.endpoints.github_repository_id);
    payload["issue"]["number"] = json!(number);
    payload["label"]["name"] = json!(label);
    payload["sender"]["id"] = json!(9002);
    payload
}

fn with(mut payload: Value, pointer: &str, value: Value) -> Value {
    *payload.pointer_mut(pointer).expect("the example has it") = value;
    payload
}

/// Sets the labels of an issue at GitHub.
async fn relabel(world: &World, number: i64, labels: Value) {
    let path = format!("/repos/{}/issues/{number}/labels", lab::REPOSITORY);
    let body = json!({ "labels": labels });
    let set = world.staff.github("mia", "PUT", &path, Some(body)).await;
    set.expect("labels are set");
}

#[tokio::test]
async fn every_reason_for_leaving_an_event_alone_can_be_read() {
    let world = World::new().await;
    let mut inbox = Inbox {
        world: &world,
        seen: BTreeSet::new(),
    };
    what_the_event_says(&mut inbox).await;
    what_the_issue_says(&mut inbox).await;
    what_the_platform_says(&mut inbox).await;

    let all = IgnoreReason::ALL.iter().map(|reason| reason.as_str());
    let all = all.chain(ConflictReason::ALL.iter().map(|reason| reason.as_str()));
    let missing: Vec<_> = all
        .filter(|reason| !inbox.seen.contains(*reason) && !BY_TABLE.contains(reason))
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "reasons without a story");
    world.end().await;
}

async fn what_the_event_says(inbox: &mut Inbox<'_>) {
    let world = inbox.world;
    let dev = || labeled(world, 1, STARTS);
    let sender = |id: i64| with(dev(), "/sender/id", json!(id));
    inbox
        .expect("unreadable", "issues", with(dev(), "/issue/number", json!("one")))
        .await;
    inbox
        .expect("no_rule", "ping", json!({ "zen": "Keep it logically awesome." }))
        .await;
    inbox
        .expect("bot", "issues", with(dev(), "/sender/type", json!("Bot")))
        .await;
    inbox
        .expect("no_sender", "issues", with(dev(), "/sender", Value::Null))
        .await;
    inbox.expect("unknown_sender", "issues", sender(9007)).await;
    inbox.expect("not_permitted", "issues", sender(9005)).await;
    inbox.expect("no_write_permission", "issues", sender(9006)).await;
    inbox
        .expect("not_bound", "issues", with(dev(), "/repository/id", json!(1)))
        .await;
    inbox
        .expect("unknown_label", "issues", labeled(world, 1, "run:lunch"))
        .await;
    inbox
        .expect(
            "nothing_to_continue",
            "issues",
            labeled(world, 1, "run:dev:revise"),
        )
        .await;
    inbox
        .expect("issue_gone", "issues", labeled(world, 4711, STARTS))
        .await;

    // A stranger's issue, whose text is not the one the event tells of.
    inbox
        .expect("body_changed", "issues", labeled(world, 3, STARTS))
        .await;
    let on_pull = with(
        dev(),
        "/issue",
        json!({ "number": 1, "updated_at": "x", "pull_request": {} }),
    );
    inbox.expect("not_an_issue", "issues", on_pull).await;

    let comment = json!({
        "action": "edited", "comment": { "body": "/codex do it" }, "issue": { "number": 1 },
        "repository": { "id": world.lab.endpoints.github_repository_id }, "sender": { "id": 9002, "type": "User" },
    });
    inbox
        .expect("edited_comment", "issue_comment", comment.clone())
        .await;
    let command = with(comment, "/action", json!("created"));
    inbox.expect("not_available_yet", "issue_comment", command).await;

    // An issue is not a pull request, but GitHub shows both alike where it is asked here.
    let fork = json!({
        "action": "labeled", "label": { "name": "need:reviewer" },
        "pull_request": { "number": 1, "updated_at": "x", "head": { "ref": "main", "repo": { "id": 1 } } },
        "repository": { "id": world.lab.endpoints.github_repository_id }, "sender": { "id": 9002, "type": "User" },
    });
    inbox.expect("foreign_head", "pull_request", fork).await;
}

async fn what_the_issue_says(inbox: &mut Inbox<'_>) {
    let world = inbox.world;
    relabel(world, 2, json!(["[ai-model-moon]"])).await;
    inbox
        .expect("unknown_model", "issues", labeled(world, 2, STARTS))
        .await;
    relabel(world, 2, json!(["[ai-reasoning-wild]"])).await;
    inbox
        .expect("unknown_effort", "issues", labeled(world, 2, STARTS))
        .await;
    relabel(world, 2, json!(["[ai-model-a]", "[ai-model-b]"])).await;
    inbox
        .expect("model_conflict", "issues", labeled(world, 2, STARTS))
        .await;
    relabel(world, 2, json!(["[ai-reasoning-low]", "[ai-reasoning-high]"])).await;
    inbox
        .expect("effort_conflict", "issues", labeled(world, 2, STARTS))
        .await;
    relabel(world, 2, json!(["bug"])).await;

    world
        .lab
        .github
        .set_open(lab::REPOSITORY, 2, false, "mia")
        .expect("closed");
    inbox
        .expect("issue_closed", "issues", labeled(world, 2, STARTS))
        .await;
    let closed = with(labeled(world, 2, "bug"), "/action", json!("closed"));
    inbox.expect("nothing_to_end", "issues", closed).await;
}

async fn what_the_platform_says(inbox: &mut Inbox<'_>) {
    let world = inbox.world;
    let dev = || labeled(world, 1, STARTS);
    let system = Actor::System("story");
    project::pause(&world.orchestrator, &system, world.project_id())
        .await
        .expect("paused");
    inbox.expect("project_paused", "issues", dev()).await;
    project::resume(&world.orchestrator, &system, world.project_id())
        .await
        .expect("resumed");

    // A live run, in whose way everything else now is.
    world.agent(WAIT).await;
    let hook = Hook::signed(&world.lab.endpoints.webhook_secret, "issues", &dev());
    assert_eq!(world.post(&hook).await, 202);
    let run_id = world.run_of(1).await;
    inbox.expect("already_used", "issues", dev()).await;
    let later = with(dev(), "/issue/updated_at", json!("2030-01-01T00:00:00Z"));
    inbox.expect("live_run_exists", "issues", later.clone()).await;
    let other = with(labeled(world, 1, "run:plan"), "/action", json!("unlabeled"));
    inbox.expect("other_stage", "issues", other).await;
    relabel(world, 1, json!(["run:plan"])).await;
    inbox.expect("label_conflict", "issues", later).await;
    world.call("run_cancel", json!({ "run_id": run_id })).await;
    world.ended(&run_id).await;

    let mut tx = world
        .orchestrator
        .begin("story.person")
        .await
        .expect("a transaction");
    let mia = identity::find_by_github_user_id(&mut tx, 9002)
        .await
        .expect("found");
    drop(tx);
    identity::disable(&world.orchestrator, &system, mia.expect("mia").person_id)
        .await
        .expect("disabled");
    inbox.expect("sender_disabled", "issues", dev()).await;
    let repository_id = world.lab.endpoints.repository_id;
    let shut_out = json!({ "action": "removed", "installation": { "id": 1 },
        "repositories_removed": [{ "id": world.lab.endpoints.github_repository_id }] });
    let secret = &world.lab.endpoints.webhook_secret;
    let hook = Hook::signed(secret, "installation_repositories", &shut_out);
    assert_eq!(world.post(&hook).await, 202);
    crate::kit::eventually("the App is shut out", async || {
        let ask = json!({ "repository_id": repository_id });
        let found = world.call("repository_get", ask).await;
        (found["suspension"] == "app_removed").then_some(())
    })
    .await;
    inbox.expect("suspended", "issues", dev()).await;
    let repository_id = repository_id.into();
    repository::detach(&world.orchestrator, &system, repository_id, None)
        .await
        .expect("detached");
    inbox.expect("detached", "issues", dev()).await;
}

/// What runs of a story waited for, as `run_explain` said it.
struct Waits<'a> {
    world: &'a World,
    seen: BTreeSet<String>,
}

impl Waits<'_> {
    async fn expect(&mut self, run_id: &str, expected: &str) {
        crate::kit::eventually(&format!("run_explain says {expected}"), async || {
            let told = self.world.call("run_explain", json!({ "run_id": run_id })).await;
            let complete = told["summary"].is_string() && told["next"].is_string();
            (told["waits_for"] == expected && complete).then_some(())
        })
        .await;
        self.seen.insert(expected.to_owned());
    }
}

/// Waits that no story of the whole platform reaches. Tables and stories of `run` itself have them: nothing here pauses or
/// fills a platform, asks a person, or leaves a run to itself for long enough.
const WAITS_ELSEWHERE: [&str; 8] = [
    "more_reviews",
    "project_deletion",
    "platform_pause",
    "platform_limit",
    "queue",
    "admission",
    "person",
    "worker",
];

#[tokio::test]
async fn every_wait_of_a_run_can_be_read() {
    let world = World::new().await;
    let system = Actor::System("story");
    let mut waits = Waits {
        world: &world,
        seen: BTreeSet::new(),
    };
    let limit = async |limits: Limits| {
        project::set_limits(&world.orchestrator, &system, world.project_id(), limits)
            .await
            .expect("limits");
    };
    world.agent(WAIT).await;

    limit(Limits {
        max_live_runs: 0,
        ..Limits::default()
    })
    .await;
    let first = world.run_of(world.labelled_issue().await).await;
    waits.expect(&first, "project_limit").await;
    project::pause(&world.orchestrator, &system, world.project_id())
        .await
        .expect("paused");
    waits.expect(&first, "project_pause").await;
    project::resume(&world.orchestrator, &system, world.project_id())
        .await
        .expect("resumed");
    limit(Limits {
        max_live_runs: 9,
        budget_micro_usd: Some(0),
        ..Limits::default()
    })
    .await;
    waits.expect(&first, "budget").await;

    // A cluster that answers nobody: it has a slot, and no pod.
    let outage = cluster_sim::Fault::Outage {
        milliseconds: 20_000,
        broken: false,
    };
    world.lab.cluster.faults().inject(outage).expect("a fault");
    limit(Limits {
        max_live_runs: 9,
        ..Limits::default()
    })
    .await;
    waits.expect(&first, "pod").await;
    world.lab.cluster.faults().clear();
    world.passes(&first, "running").await;

    // Two slots: the third run waits for one of them.
    let second = world.run_of(world.labelled_issue().await).await;
    world.passes(&second, "running").await;
    let third = world.run_of(world.labelled_issue().await).await;
    waits.expect(&third, "slot").await;

    // Cancelled, and the cluster does not say that its pod is gone.
    let outage = cluster_sim::Fault::Outage {
        milliseconds: 20_000,
        broken: false,
    };
    world.lab.cluster.faults().inject(outage).expect("a fault");
    world.call("run_cancel", json!({ "run_id": second })).await;
    waits.expect(&second, "pod_proof").await;
    world.lab.cluster.faults().clear();
    for run_id in [&first, &second, &third] {
        // Cancelling twice changes nothing.
        world.call("run_cancel", json!({ "run_id": run_id })).await;
        assert_eq!(world.ended(run_id).await.state(), "cancelled");
    }

    // GitHub does not show the run's branch: the result waits for its proof.
    world.agent(lab::DEMO_COMMAND).await;
    let silent = github_sim::Fault {
        count: 1000,
        ..github_sim::Fault::once(
            "GET",
            "/repos/*/*/git/ref/heads/codex/**",
            github_sim::Effect::ErrorBefore { status: 502 },
        )
    };
    world.lab.github.add_fault(silent);
    let last = world.run_of(world.labelled_issue().await).await;
    waits.expect(&last, "code_host").await;
    world.lab.github.clear_faults();
    assert_eq!(world.ended(&last).await.state(), "succeeded");
    let missing: Vec<_> = run::WAITS
        .iter()
        .filter(|wait| !waits.seen.contains(**wait) && !WAITS_ELSEWHERE.contains(wait))
        .collect();
    assert_eq!(missing, Vec::<&&str>::new(), "waits without a story");
    world.leaves_nothing().await;
    world.end().await;
}
