//! Which tools one is shown, how the others are found, and what a token takes away.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use orchestrator::actor::Role;
use orchestrator::credential::Narrowing;
use serde_json::{Value, json};

use crate::world::World;

async fn names(world: &World, token: &str) -> Vec<String> {
    let list = world.modern(token, "tools/list", json!({})).await;
    let tools = list["result"]["tools"].as_array().expect("a list");
    tools
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn staff_are_shown_the_usual_tools_and_find_the_rest() {
    let world = World::new().await;
    let token = world.service_token(Role::Admin).await;
    let shown = names(&world, &token).await;
    let all = world.tools(&token).await;
    assert!(shown.len() <= 30, "{}", shown.len());
    assert!(shown.iter().all(|name| all.contains(name)));
    let hidden: Vec<_> = all.iter().filter(|name| !shown.contains(name)).collect();
    assert!(hidden.contains(&&"run_usage_get".to_owned()), "{hidden:?}");
    for name in hidden {
        let ask = json!({"query": name, "limit": 10});
        let found = world.ok(&token, "tool_search", ask).await;
        assert_eq!(found["tools"][0]["name"], json!(name), "{name}: {found}");
        assert_eq!(found["tools"][0]["input_schema"]["type"], "object");
    }
    let found = world
        .ok(&token, "tool_search", json!({"query": "what did it cost"}))
        .await;
    let found: Vec<_> = found["tools"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|tool| &tool["name"])
        .collect();
    assert!(found.contains(&&json!("run_usage_get")), "{found:?}");
    let none = world
        .ok(&token, "tool_search", json!({"query": "heartbeat"}))
        .await;
    assert!(none["tools"] == json!([]) && none["next"].is_string(), "{none}");
    // What is not listed can be called.
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    let usage = world
        .ok(&token, "run_usage_get", json!({"run_id": run.run_id}))
        .await;
    assert_eq!(usage["active_seconds"], 0);
    world.db.done().await;
}

/// A search shows nobody what it may not call.
#[tokio::test]
async fn a_search_finds_only_what_its_caller_may_call() {
    let world = World::new().await;
    let viewer = world.service_token(Role::Viewer).await;
    let may = world.tools(&viewer).await;
    for query in ["delivery replay", "run cancel", "slot", "turn token refresh"] {
        let found = world
            .ok(&viewer, "tool_search", json!({"query": query, "limit": 10}))
            .await;
        for tool in found["tools"].as_array().expect("a list") {
            let name = tool["name"].as_str().expect("a name");
            assert!(may.iter().any(|may| may == name), "{query} finds {name}");
        }
    }
    world.db.done().await;
}

#[tokio::test]
async fn the_list_of_a_run_is_small() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    for (who, token) in [("agent", &turn.agent), ("supervisor", &turn.supervisor)] {
        let list = world.modern(token, "tools/list", json!({})).await.to_string();
        let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
        zipped.write_all(list.as_bytes()).expect("written");
        let bytes = zipped.finish().expect("finished").len();
        assert!(bytes <= 5 * 1024, "{who}: {bytes} bytes");
    }
    world.db.done().await;
}

#[tokio::test]
async fn a_token_takes_away_and_a_query_gives_nothing_back() {
    let world = World::new().await;
    let token = world
        .narrowed_token(Narrowing {
            toolsets: Some(vec!["runs".into(), "slots".into()]),
            read_only: true,
            lockdown: false,
        })
        .await;
    let shown = names(&world, &token).await;
    assert!(
        shown.contains(&"run_usage_get".to_owned()),
        "toolsets that are named are listed whole"
    );
    for gone in [
        "run_cancel",
        "run_start",
        "principal_get",
        "delivery_list",
        "repository_list",
    ] {
        assert!(!shown.contains(&gone.to_owned()), "{gone}");
    }
    assert_eq!(world.tools(&token).await, shown);
    let list = |query: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        world.post(&format!("/mcp?{query}"), &token).json(&body).send()
    };
    for query in [
        "read_only=false",
        "toolsets=all&read_only=false",
        "toolsets=access,runs",
    ] {
        let list: Value = list(query).await.expect("an answer").json().await.expect("JSON");
        let tools = list["result"]["tools"].as_array().expect("a list");
        assert!(!tools.is_empty());
        assert!(
            tools
                .iter()
                .all(|tool| shown.iter().any(|name| tool["name"] == **name)),
            "{query}"
        );
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "run_start", "arguments": {}}});
    let call = world
        .post("/mcp?read_only=false", &token)
        .json(&body)
        .send()
        .await
        .expect("an answer");
    assert!(call.text().await.expect("text").contains("tool not found"));
    // A resource is what a tool answers: without the tool it is not there.
    let templates = world.modern(&token, "resources/templates/list", json!({})).await;
    let templates = templates["result"]["resourceTemplates"]
        .as_array()
        .expect("a list");
    assert_eq!(templates.len(), 1, "{templates:?}");
    world.db.done().await;
}

#[tokio::test]
async fn a_token_that_is_locked_down_sees_no_text_of_strangers() {
    let world = World::new().await;
    let open = world.narrowed_token(Narrowing::default()).await;
    let closed = Narrowing {
        lockdown: true,
        ..Narrowing::default()
    };
    let closed = world.narrowed_token(closed).await;
    let delivery = crate::access::delivery_from(&world, 5001).await;
    let ask = json!({"delivery_id": delivery, "payload": true});
    let seen = world.ok(&open, "delivery_get", ask.clone()).await;
    assert!(
        seen["payload"].as_str().expect("text").contains("created"),
        "{seen}"
    );
    let left = world.ok(&closed, "delivery_get", ask).await;
    assert!(
        left["payload"].as_str().expect("text").starts_with("[left out"),
        "{left}"
    );
    world.db.done().await;
}
