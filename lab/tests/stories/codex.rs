//! The real Codex CLI with the scripted model: what no simulation of it would tell.

use base64::Engine;
use cluster_sim::Fault;
use serde_json::{Value, json};

use crate::kit::{Ended, World, cli, eventually, git};

/// A lab whose stage `dev` is worked on by Codex; none if this run is to do without.
async fn world() -> Option<World> {
    cli(lab::CODEX).await?;
    let world = World::new().await;
    let model = &world.lab.endpoints.model;
    lab::use_codex(&world.orchestrator, world.project_id(), model)
        .await
        .expect("a profile");
    Some(world)
}

pub(crate) fn event<'a>(ended: &'a Ended, kind: &str) -> &'a Value {
    let found = ended.events.iter().find(|event| event["kind"] == kind);
    found.unwrap_or_else(|| panic!("an event {kind}: {:#?}", ended.events))
}

#[tokio::test]
async fn codex_reports_edits_and_says_a_last_word() {
    let Some(world) = world().await else { return };
    let number = world.labelled_issue().await;
    let ended = world.succeeded(number).await;

    // The tool call went through the agent's own token.
    let reported = event(&ended, "status_reported");
    assert_eq!(reported["detail"]["text"], "reading the task");
    assert_eq!(reported["actor"], format!("agent:{}", ended.run_id));
    assert_eq!(ended.run["last_message"], "I added a greeting to the README.");

    // The shell's edit is in the pull request.
    world.pull_request(&ended);
    let branch = ended.run["branch"].as_str().expect("a branch");
    let clone = world.cloned(branch).await;
    let diff = git(&clone, &["diff", "origin/main", "HEAD"]).await;
    assert!(diff.contains("+Hello from Codex."), "{diff}");

    let ask = json!({ "run_id": ended.run_id });
    let usage = world.call("run_usage_get", ask).await;
    let turn = &usage["turns"][0]["usage"];
    assert_eq!(turn["requests"], 3, "{usage:#}");
    assert_eq!(
        (&turn["input_tokens"], &turn["output_tokens"]),
        (&json!(3600), &json!(240)),
        "{usage:#}"
    );
    // 3000 fresh tokens at 1.25, 600 cached at 0.125 and 240 written at 10 dollars a million.
    assert_eq!(usage["cost_micro_usd"], 3750 + 75 + 2400, "{usage:#}");

    let snapshot = event(&ended, "snapshot_stored");
    assert_eq!(snapshot["turn"], 1, "{snapshot}");
    world.leaves_nothing().await;
    world.end().await;
}

/// Labels an issue and replaces a token in the runner's Secret before its pod starts; answers how the run ended.
pub(crate) async fn with_a_bad_token(world: &World, file: &str) -> Ended {
    let faults = world.lab.cluster.faults();
    // Between a Secret and the start of its Job lies a call that now takes a second.
    let slow = Fault::Slow {
        resource: Some("jobs".into()),
        milliseconds: 1000,
        times: 50,
    };
    faults.inject(slow).expect("a fault");
    let number = world.labelled_issue().await;
    let secret = eventually("the runner's Secret", async || {
        world.cluster_list("/api/v1/secrets").await.pop()
    })
    .await;
    let metadata = |key: &str| secret["metadata"][key].as_str().expect("metadata");
    let path = format!(
        "/api/v1/namespaces/{}/secrets/{}",
        metadata("namespace"),
        metadata("name")
    );
    let bad = base64::engine::general_purpose::STANDARD.encode("not a token of this run");
    let merge = json!({ "data": { file: bad } });
    let patched = world.cluster("PATCH", &path, Some(merge)).await;
    assert_eq!(patched["data"][file], bad, "{patched}");
    assert_eq!(world.lab.cluster.pods(), [], "the pod has not started yet");
    faults.clear();
    let ended = world.ended(&world.run_of(number).await).await;
    assert_eq!(ended.state(), "failed", "{:#}", ended.run);
    assert_eq!(world.pull_requests(&ended.run["branch"]).len(), 0);
    ended
}

/// Codex finds no platform behind its proxy, and no model is paid.
#[tokio::test]
async fn a_bad_run_token_fails_the_run_with_its_reason() {
    let Some(world) = world().await else { return };
    let ended = with_a_bad_token(&world, "agent-token").await;
    assert_eq!(
        ended.reasons(),
        ("environment", "platform_refused"),
        "{:#}",
        ended.run
    );
    let why = world.call("run_explain", json!({ "run_id": ended.run_id })).await;
    let summary = why["summary"].as_str().unwrap_or_default();
    assert!(summary.contains("platform_refused"), "{why:#}");
    assert!(why["next"].is_string(), "{why:#}");
    assert!(world.lab.model.log().is_empty(), "no model was paid");
    // The person who labelled the issue reads it there.
    let number = ended.run["number"].as_i64().expect("a number");
    let told = async || {
        let comments = world.comments(number);
        comments
            .into_iter()
            .find(|text| text.contains("platform_refused"))
    };
    eventually("the status comment says why", told).await;
    world.leaves_nothing().await;
    world.end().await;
}

/// A supervisor whose own token is refused can tell nobody but the cluster: the pod watcher passes it on.
#[tokio::test]
async fn a_bad_supervisor_token_is_told_by_the_pods_end() {
    let world = World::new().await;
    let ended = with_a_bad_token(&world, "supervisor-token").await;
    assert_eq!(ended.reasons().0, "environment", "{:#}", ended.run);
    world.leaves_nothing().await;
    world.end().await;
}
