//! The real Claude Code CLI with the scripted model: what no simulation of it would tell.

use std::collections::BTreeSet;

use serde_json::json;

use crate::codex::{event, with_a_bad_token};
use crate::kit::{World, cli, git};

/// A lab whose stage `dev` is worked on by Claude Code; none if this run is to do without.
async fn world() -> Option<World> {
    cli(lab::CLAUDE).await?;
    let world = World::new().await;
    let model = &world.lab.endpoints.claude_model;
    lab::use_claude(&world.orchestrator, world.project_id(), model)
        .await
        .expect("a profile");
    Some(world)
}

#[tokio::test]
async fn claude_code_reports_edits_and_says_a_last_word() {
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
    assert!(diff.contains("+Hello from Claude Code."), "{diff}");

    // It works with what we gave it, and with nothing of the provider's.
    let log = world.lab.model.log();
    assert!(
        log.iter()
            .all(|request| request.path == "/v1/messages" && request.status == 200),
        "{log:#?}"
    );
    let servers: BTreeSet<_> = log[0]
        .tools
        .iter()
        .filter_map(|name| name.strip_prefix("mcp__")?.split_once("__"))
        .map(|(server, _)| server)
        .collect();
    assert_eq!(servers, BTreeSet::from(["platform"]), "{log:#?}");

    let usage = world
        .call("run_usage_get", json!({ "run_id": ended.run_id }))
        .await;
    let turn = &usage["turns"][0]["usage"];
    assert_eq!(
        [
            &turn["requests"],
            &turn["input_tokens"],
            &turn["cached_input_tokens"],
            &turn["output_tokens"]
        ],
        [3, 3600, 600, 240].map(|count| json!(count)).each_ref(),
        "{usage:#}"
    );
    // 3000 fresh tokens at 1.25, 600 cached at 0.125 and 240 written at 10 dollars a million.
    assert_eq!(usage["cost_micro_usd"], 3750 + 75 + 2400, "{usage:#}");

    let snapshot = event(&ended, "snapshot_stored");
    assert_eq!(snapshot["turn"], 1, "{snapshot}");
    world.leaves_nothing().await;
    world.end().await;
}

/// Claude Code itself would go on without its tools.
#[tokio::test]
async fn a_bad_run_token_fails_the_run_before_a_model_is_paid() {
    let Some(world) = world().await else { return };
    let ended = with_a_bad_token(&world, "agent-token").await;
    assert_eq!(
        ended.reasons(),
        ("environment", "platform_refused"),
        "{:#}",
        ended.run
    );
    assert!(world.lab.model.log().is_empty(), "no model was paid");
    world.leaves_nothing().await;
    world.end().await;
}
