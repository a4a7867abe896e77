//! A turn as its supervisor and its agent live it.

use jiff::SignedDuration;
use orchestrator::actor::Role;
use serde_json::json;
use uuid::Uuid;

use crate::worker;
use crate::world::{Turn, World};

#[tokio::test]
async fn a_turn_from_its_context_to_its_end() {
    let world = World::new().await;
    let _working = world.work().await;
    let turn = world.turn(&world.shop, 1).await;
    the_supervisor_begins(&world, &turn).await;
    the_agent_works(&world, &turn.agent).await;
    the_work_is_delivered(&world, &turn).await;
    staff_see_it(&world, turn.run.run_id.uuid()).await;
    world.db.done().await;
}

async fn the_supervisor_begins(world: &World, turn: &Turn) {
    let supervisor = &turn.supervisor;
    let context = world
        .ok(supervisor, "run_context_get", json!({"contract_version": 1}))
        .await;
    assert_eq!(context["run_id"], json!(turn.run.run_id.uuid()));
    assert_eq!(context["turn"], 1);
    assert_eq!(context["branch"]["name"], "codex/issue-1");
    assert_eq!(context["commit_author"]["name"], "codex-k8s[bot]");
    assert!(context["prompt"].as_str().expect("a prompt").len() > 10);

    let beat = world.ok(supervisor, "run_heartbeat", json!({})).await;
    let left = beat["allowance"]["active_seconds_left"]
        .as_u64()
        .expect("a number");
    assert!((3590..=3600).contains(&left), "{beat}");
    assert_eq!(
        (&beat["state"], &beat["stop"]),
        (&json!("running"), &json!(false))
    );

    let credential = world
        .ok(supervisor, "repository_token_issue", json!({"access": "write"}))
        .await;
    assert_eq!(credential["token"], worker::TOKEN);

    let end = json!({"stream": "agent", "offset": 0, "text": "häh\n"});
    assert_eq!(
        world.ok(supervisor, "run_log_append", end.clone()).await,
        json!({"next_offset": 5})
    );
    assert_eq!(
        world.ok(supervisor, "run_log_append", end).await,
        json!({"next_offset": 5})
    );

    let usage = json!({"model": "m", "requests": 1, "input_tokens": 10, "cached_input_tokens": 2, "output_tokens": 3,
        "reasoning_tokens": 0});
    let cost = world
        .ok(supervisor, "run_usage_report", json!({"models": [usage]}))
        .await;
    assert_eq!(cost, json!({"exceeded": false}));
}

async fn the_agent_works(world: &World, agent: &str) {
    assert_eq!(
        world
            .ok(
                agent,
                "run_status_report",
                json!({"text": "I look at the prices."})
            )
            .await,
        json!({})
    );
    let issue = world.ok(agent, "issue_get", json!({})).await;
    let title = issue["title"].as_str().unwrap();
    assert!(
        title.starts_with("[left out"),
        "a stranger's title is text too: {title}"
    );
    assert_eq!(issue.get("body"), None, "lockdown leaves out a stranger's text");
    assert_eq!(
        issue["labels"],
        json!(["run:dev", "fine"]),
        "nothing hidden is in a label"
    );
    let issues = world.ok(agent, "issue_list", json!({})).await;
    let listed = issues["issues"][0]["title"].as_str().unwrap();
    assert!(listed.starts_with("[left out"), "nor is it in a list: {listed}");
    let found = json!({"title": "The tax is wrong", "body": "Found beside it."});
    let opened = world.ok(agent, "issue_create", found.clone()).await;
    assert_eq!(opened["status"], "applied");
    let again = world.ok(agent, "issue_create", found).await;
    assert_eq!(
        again["effect_id"], opened["effect_id"],
        "the same text is the same issue"
    );
    for number in 1..=4 {
        let more = json!({"title": format!("More {number}"), "body": "Found too."});
        world.ok(agent, "issue_create", more).await;
    }
    let sixth = json!({"title": "The sixth", "body": "Found too."});
    assert_eq!(world.refused(agent, "issue_create", sixth).await, "capacity");
    let review = json!({"body": "Fine."});
    assert_eq!(
        world.refused(agent, "pull_request_review", review).await,
        "precondition_failed",
        "there is none before the push"
    );
    let pull_request = world.ok(agent, "pull_request_get", json!({"number": 77})).await;
    assert_eq!(
        pull_request["head_branch"], "codex/issue-1",
        "nor in a branch's name"
    );
    let comment = world.ok(agent, "issue_comment", json!({"body": "On it."})).await;
    assert_eq!(comment["status"], "applied");
    assert_eq!(comment["url"], "https://github.test/octo/shop/comment");
    let again = world.ok(agent, "issue_comment", json!({"body": "On it."})).await;
    assert_eq!(again["effect_id"], comment["effect_id"]);
    let labels = world.ok(agent, "issue_label", json!({"add": ["bug"]})).await;
    assert_eq!(labels["status"], "applied");
    assert_eq!(
        world
            .refused(agent, "issue_label", json!({"add": ["run:release"]}))
            .await,
        "forbidden"
    );
}

async fn the_work_is_delivered(world: &World, turn: &Turn) {
    let (supervisor, agent) = (&turn.supervisor, &turn.agent);
    let asked = world
        .ok(agent, "pull_request_open", json!({"title": "Correct prices"}))
        .await;
    assert_eq!(
        (&asked["status"], &asked["state"]),
        (&json!("pending"), &json!("proposed"))
    );
    let named = json!({"head_sha": "a".repeat(40)});
    assert_eq!(
        world.refused(agent, "pull_request_open", named.clone()).await,
        "forbidden"
    );
    let opened = world.ok(supervisor, "pull_request_open", named).await;
    assert_eq!(
        (&opened["status"], &opened["number"]),
        (&json!("applied"), &json!(77))
    );
    let finish = json!({"outcome": "succeeded", "head_sha": "a".repeat(40), "base_sha": "b".repeat(40),
        "changed_paths": [{"path": "prices.txt", "change": "modified"}]});
    assert_eq!(
        world.ok(supervisor, "run_finish", finish.clone()).await,
        json!({"state": "finishing"})
    );
    assert_eq!(
        world.ok(supervisor, "run_finish", finish).await,
        json!({"state": "finishing"})
    );
    assert_eq!(
        world.refused(supervisor, "run_heartbeat", json!({})).await,
        "stale_turn"
    );
}

async fn staff_see_it(world: &World, run_id: Uuid) {
    let token = world.service_token(Role::Maintainer).await;
    let this = json!({"run_id": run_id});
    let run = world.ok(&token, "run_get", this.clone()).await;
    assert_eq!(
        (&run["state"], &run["head_sha"]),
        (&json!("finishing"), &json!("a".repeat(40)))
    );
    let log = world
        .ok(&token, "run_log_tail", json!({"run_id": run_id, "after": 3}))
        .await;
    assert_eq!(
        (&log["offset"], &log["text"], &log["next_after"]),
        (&json!(3), &json!("h\n"), &json!(5))
    );
    let changes = world.ok(&token, "run_change_list", this.clone()).await;
    assert_eq!(
        changes["changes"],
        json!([{"path": "prices.txt", "change": "modified"}])
    );
    let usage = world.ok(&token, "run_usage_get", this.clone()).await;
    assert_eq!(usage["turns"][0]["usage"]["input_tokens"], 10);
    let explained = world.ok(&token, "run_explain", this.clone()).await;
    assert_eq!(explained["waits_for"], "code_host");
    let prompt = world.ok(&token, "run_prompt_get", this.clone()).await;
    assert_eq!(prompt["prompt_digest"].as_str().expect("a digest").len(), 64);
    let events = world.ok(&token, "run_event_list", this).await;
    let events = events["events"].as_array().expect("a list");
    let seqs: Vec<_> = events
        .iter()
        .map(|event| event["seq"].as_u64().expect("a number"))
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let said = events
        .iter()
        .find(|event| event["kind"] == "status_reported")
        .expect("the agent's word");
    assert_eq!(said["detail"]["text"], "I look at the prices.");
}

#[tokio::test]
async fn a_snapshot_comes_back_as_it_was() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    assert_eq!(
        world
            .refused(&turn.supervisor, "run_snapshot_get", json!({}))
            .await,
        "not_found"
    );
    let snapshot = json!({"session": "thread-1", "path": "sessions/1.jsonl", "data": "aGVsbG8=",
        "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"});
    world
        .ok(&turn.supervisor, "run_snapshot_put", snapshot.clone())
        .await;
    assert_eq!(
        world.ok(&turn.supervisor, "run_snapshot_get", json!({})).await,
        snapshot
    );
    let answer = world.call(&turn.supervisor, "run_snapshot_get", json!({})).await;
    let text = answer["result"]["content"][0]["text"].as_str().expect("a text");
    assert!(!text.contains("aGVsbG8="), "the data is not sent twice: {text}");
    let mut damaged = snapshot;
    damaged["data"] = json!("aGVsbG8h");
    assert_eq!(
        world.refused(&turn.supervisor, "run_snapshot_put", damaged).await,
        "invalid_input"
    );
    world.db.done().await;
}

#[tokio::test]
async fn a_supervisor_one_version_ahead_is_understood() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    let ahead = json!({"mood": "fine"});
    world.ok(&turn.supervisor, "run_heartbeat", ahead.clone()).await;
    world
        .ok(
            &turn.supervisor,
            "pull_request_open",
            json!({"title": "T", "mood": "fine"}),
        )
        .await;
    assert_eq!(
        world.refused(&turn.agent, "effect_list", ahead).await,
        "invalid_input"
    );
    for tool in [
        "run_context_get",
        "run_heartbeat",
        "run_snapshot_get",
        "pull_request_open",
    ] {
        let version = json!({"contract_version": 9});
        let said = world.refused(&turn.supervisor, tool, version).await;
        assert_eq!(said, "precondition_failed", "{tool}");
    }
    let own = json!({"contract_version": 1, "mood": "fine"});
    world.ok(&turn.supervisor, "run_heartbeat", own).await;
    world.db.done().await;
}

#[tokio::test]
async fn a_cancelled_run_is_not_heard_any_more() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    world.ok(&turn.supervisor, "run_heartbeat", json!({})).await;
    let staff = world.service_token(Role::Maintainer).await;
    let cancelled = world
        .ok(&staff, "run_cancel", json!({"run_id": turn.run.run_id.uuid()}))
        .await;
    assert_eq!(cancelled["state"], "cancelling");
    for (token, tool) in [
        (&turn.supervisor, "run_heartbeat"),
        (&turn.supervisor, "run_token_refresh"),
        (&turn.agent, "issue_get"),
        (&turn.agent, "run_finish"),
        (&turn.agent, "no_such_tool"),
    ] {
        assert_eq!(
            world.refused(token, tool, json!({})).await,
            "stale_turn",
            "{tool}"
        );
    }
    // What is no call has no turn: the token is not good any more. But who wants to call must greet first.
    for (token, method, expected) in [
        (&turn.supervisor, "tools/list", 401),
        (&turn.agent, "tools/list", 401),
        (&turn.agent, "ping", 401),
        (&turn.supervisor, "ping", 200),
    ] {
        assert_eq!(world.status(token, method).await, expected, "{method}");
    }
    // The one call that forgives a revoked token hears what became of the turn.
    assert_eq!(
        world
            .refused(&turn.supervisor, "run_finish", json!({"outcome": "succeeded"}))
            .await,
        "stale_turn"
    );
    world.db.done().await;
}

#[tokio::test]
async fn only_a_refresh_takes_an_expired_token() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    world.ok(&turn.supervisor, "run_heartbeat", json!({})).await;
    world.clock.advance(SignedDuration::from_mins(61));
    let call = |token: &str, tool: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}});
        world
            .request(reqwest::Method::POST, Some(token))
            .json(&body)
            .send()
    };
    assert_eq!(
        call(&turn.supervisor, "run_heartbeat")
            .await
            .expect("an answer")
            .status(),
        401
    );
    assert_eq!(
        call(&turn.agent, "run_token_refresh")
            .await
            .expect("an answer")
            .status(),
        401
    );
    // A client that lost its connection greets first.
    assert_eq!(world.status(&turn.supervisor, "ping").await, 200);
    assert_eq!(world.status(&turn.supervisor, "tools/list").await, 401);
    assert_eq!(world.status(&turn.agent, "ping").await, 401);
    let fresh = world.ok(&turn.supervisor, "run_token_refresh", json!({})).await;
    let supervisor = fresh["supervisor_token"].as_str().expect("a token");
    world.ok(supervisor, "run_heartbeat", json!({})).await;
    world
        .ok(
            fresh["agent_token"].as_str().expect("a token"),
            "effect_list",
            json!({}),
        )
        .await;
    world.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(
        call(&turn.supervisor, "run_token_refresh")
            .await
            .expect("an answer")
            .status(),
        401
    );
    world.db.done().await;
}
