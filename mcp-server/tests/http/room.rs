//! Who may take how much: whatever others do, a heartbeat is heard.

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use orchestrator::actor::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::world::{World, status};

#[tokio::test]
async fn who_has_no_token_takes_nothing_from_others() {
    let world = World::with(|config| (config.max_calls, config.max_supervisor_calls) = (2, 2)).await;
    let turn = world.turn(&world.shop, 1).await;
    let hostile = join_all((0..64).map(|_| world.without_body("e30.e30.c2ln", 1000))).await;
    world.ok(&turn.supervisor, "run_heartbeat", json!({})).await;
    for mut socket in hostile {
        assert_eq!(status(&mut socket).await, 401);
    }
    world.db.done().await;
}

#[tokio::test]
async fn one_caller_takes_its_share_and_no_more() {
    let world = World::with(|config| config.max_calls_per_caller = 2).await;
    let turn = world.turn(&world.shop, 1).await;
    let staff = world.service_token(Role::Viewer).await;
    let _slow = join_all((0..2).map(|_| world.without_body(&turn.agent, 1000))).await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let ping = |token: String| {
        let request = world.request(Method::POST, Some(&token)).json(&ping);
        async move { request.send().await.expect("an answer") }
    };
    // The two are on their way to their places; until they sit, there is one for a third.
    let refused = loop {
        let response = ping(turn.agent.clone()).await;
        if response.status() != StatusCode::OK {
            break response;
        }
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.text().await.expect("text").starts_with("rate_limited: "));
    assert_eq!(ping(staff).await.status(), StatusCode::OK);
    world.ok(&turn.supervisor, "run_heartbeat", json!({})).await;
    world.db.done().await;
}

/// Live reads that wait for an answer hold nothing that others need: there are far more of them than connections to the
/// database.
#[tokio::test]
async fn a_silent_code_host_slows_no_read() {
    let world = World::new().await;
    let mut turns = Vec::new();
    for number in 1..=4 {
        turns.push(world.turn(&world.shop, number).await);
    }
    let staff = world.service_token(Role::Viewer).await;
    // Nobody works: the questions stay open until they are given up.
    let mut live: FuturesUnordered<_> = turns
        .iter()
        .flat_map(|turn| (0..12).map(|_| world.call(&turn.agent, "issue_get", json!({}))))
        .collect();
    let reads = async {
        for _ in 0..20 {
            world.ok(&staff, "run_list", json!({})).await;
            world.ok(&turns[0].supervisor, "run_heartbeat", json!({})).await;
        }
    };
    tokio::select! {
        biased;
        ended = live.next() => panic!("a live read ended before the others were answered: {ended:?}"),
        () = reads => {}
    }
    while let Some(answer) = live.next().await {
        assert_eq!(
            answer["result"]["structuredContent"]["code"], "unavailable",
            "{answer}"
        );
    }
    drop(live);
    world.db.done().await;
}

#[tokio::test]
async fn an_agent_that_asks_too_often_is_slowed() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    let mut calls = 0;
    let refused = loop {
        let answer = world
            .call(&turn.agent, "run_status_report", json!({"text": "Still."}))
            .await;
        calls += 1;
        if answer["result"]["isError"] == true {
            break answer["result"]["structuredContent"].clone();
        }
    };
    assert!(calls > 30, "a burst is allowed, not only {calls}");
    assert_eq!(refused["code"], "rate_limited");
    assert!(
        (1..=2000).contains(&refused["retry_after_ms"].as_u64().expect("a time")),
        "{refused}"
    );
    world.ok(&turn.agent, "effect_list", json!({})).await;
    world.ok(&turn.supervisor, "run_heartbeat", json!({})).await;
    world.db.done().await;
}
