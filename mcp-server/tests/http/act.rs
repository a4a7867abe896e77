//! Starting runs: once per key, once per issue, in the caller's trace.

use orchestrator::actor::{Actor, Role};
use orchestrator::run;
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_key_gives_the_first_answer_again() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    let repository = world.shop.repository_id.uuid();
    let ask = json!({"repository_id": repository, "number": 1, "stage": "dev", "idempotency_key": "k"});
    let first = world.ok(&staff, "run_start", ask.clone()).await;
    assert_eq!(first["state"], "queued");
    assert_eq!(
        world.ok(&staff, "run_start", ask.clone()).await["run_id"],
        first["run_id"]
    );
    let other = json!({"repository_id": repository, "number": 2, "stage": "dev", "idempotency_key": "k"});
    assert_eq!(
        world.refused(&staff, "run_start", other).await,
        "idempotency_mismatch"
    );
    let second = json!({"repository_id": repository, "number": 1, "stage": "dev"});
    assert_eq!(world.refused(&staff, "run_start", second).await, "conflict");
    let retry = json!({"run_id": first["run_id"]});
    assert_eq!(
        world.refused(&staff, "run_retry", retry.clone()).await,
        "conflict"
    );
    world.ok(&staff, "run_cancel", retry.clone()).await;
    assert_eq!(
        world.ok(&staff, "run_cancel", retry.clone()).await["state"],
        "cancelled"
    );
    let again = world.ok(&staff, "run_retry", retry).await;
    assert_eq!(again["retry_of"], first["run_id"]);
    world.db.done().await;
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    for number in 1..=5 {
        world
            .shop
            .start(&world.orchestrator, Some(number))
            .await
            .expect("a run");
    }
    let mut seen = Vec::new();
    let mut ask = json!({"limit": 2});
    loop {
        let page = world.ok(&staff, "run_list", ask.clone()).await;
        seen.extend(
            page["runs"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|run| run["number"].as_u64()),
        );
        let Some(next) = page.get("next_cursor") else {
            break;
        };
        ask["cursor"] = next.clone();
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(Some));
    let third = world
        .ok(&staff, "run_list", json!({"number": 3, "state": "queued"}))
        .await;
    assert_eq!(third["runs"].as_array().map(Vec::len), Some(1));
    let none = world.ok(&staff, "run_list", json!({"state": "running"})).await;
    assert_eq!(none["runs"], json!([]));
    world.db.done().await;
}

/// The trace comes with the header, or with `_meta`, which counts more.
#[tokio::test]
async fn a_run_goes_on_in_its_callers_trace() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    let traces = [
        "0af7651916cd43dd8448eb211c80319c",
        "1af7651916cd43dd8448eb211c80319c",
    ];
    let parent = |trace: &str| format!("00-{trace}-b7ad6b7169203331-01");
    for (number, meta, expected) in [(1, None, traces[0]), (2, Some(traces[1]), traces[1])] {
        let mut params = json!({"name": "run_start", "arguments":
            {"repository_id": world.shop.repository_id.uuid(), "number": number, "stage": "dev"}});
        if let Some(trace) = meta {
            params["_meta"] = json!({"traceparent": parent(trace)});
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let request = world
            .request(reqwest::Method::POST, Some(&staff))
            .header("traceparent", parent(traces[0]));
        let answer: serde_json::Value = request
            .json(&body)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let run_id = answer["result"]["structuredContent"]["run_id"]
            .as_str()
            .expect("an id");
        let run_id = run_id.parse::<Uuid>().expect("an id").into();
        let run = run::get(&world.orchestrator, &Actor::System("test"), run_id)
            .await
            .expect("the run");
        assert!(run.traceparent.contains(expected), "{}", run.traceparent);
    }
    world.db.done().await;
}

#[tokio::test]
async fn staff_read_issues_page_by_page() {
    let world = World::new().await;
    let staff = world.service_token(Role::Viewer).await;
    let working = world.work().await;
    let unnamed = world.refused(&staff, "issue_list", json!({})).await;
    assert_eq!(unnamed, "invalid_input");
    let repository = world.shop.repository_id.uuid();
    let mut ask = json!({"repository_id": repository, "limit": 1});
    let first = world.ok(&staff, "issue_list", ask.clone()).await;
    assert_eq!(first["issues"][0]["title"], "Prices are wrong", "nothing hidden");
    ask["cursor"] = first["next_cursor"].clone();
    let second = world.ok(&staff, "issue_list", ask.clone()).await;
    assert_eq!(
        (&second["issues"][0]["number"], second.get("next_cursor")),
        (&json!(2), None)
    );
    ask["cursor"] = json!("-1");
    assert_eq!(world.refused(&staff, "issue_list", ask).await, "invalid_input");
    working.stop().await;
    world.db.done().await;
}

#[tokio::test]
async fn a_run_is_given_more_once_per_key() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    let ask = |seconds: u32| json!({"run_id": run.run_id.uuid(), "active_seconds_limit": seconds, "idempotency_key": "k"});
    let raised = world.ok(&staff, "run_limit_raise", ask(7200)).await;
    assert_eq!(raised["active_seconds_limit"], 7200);
    let again = world.ok(&staff, "run_limit_raise", ask(7200)).await;
    assert_eq!(again["active_seconds_limit"], 7200);
    let other = world.refused(&staff, "run_limit_raise", ask(7300)).await;
    assert_eq!(other, "idempotency_mismatch");
    let too_much = json!({"run_id": run.run_id.uuid(), "active_seconds_limit": 14_401});
    assert_eq!(
        world.refused(&staff, "run_limit_raise", too_much).await,
        "invalid_input"
    );
    let money = json!({"run_id": run.run_id.uuid(), "cost_limit_micro_usd": 5});
    assert_eq!(
        world.refused(&staff, "run_limit_raise", money).await,
        "invalid_input",
        "there is no limit to raise"
    );
    world.db.done().await;
}
