//! A client made for the contract before this one still works: its calls are taken, and it understands the answers.
//!
//! `mcp-server/contract/previous/tools.json` is what the release before listed; `docs/how-to/change-the-contract.md` says
//! when it moves.

use std::collections::BTreeMap;

use ::contract::runner::CONTRACT_VERSION;
use orchestrator::actor::{PlatformRole, Role};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::contract::list;
use crate::world::{Turn, World};

const PREVIOUS: &str = include_str!("../../contract/previous/tools.json");

#[derive(Deserialize)]
struct Previous {
    contract_version: u32,
    /// By kind of principal.
    tools: BTreeMap<String, Vec<Tool>>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    read: bool,
    input: Value,
    output: Value,
}

fn previous() -> Previous {
    let previous: Previous = serde_json::from_str(PREVIOUS).expect("the snapshot");
    assert!(
        previous.contract_version == CONTRACT_VERSION || previous.contract_version + 1 == CONTRACT_VERSION,
        "the snapshot is of contract {}, this is {CONTRACT_VERSION}: keep the one before",
        previous.contract_version
    );
    previous
}

/// The least that a schema takes, or all that it knows.
fn sample(schema: &Value, whole: bool) -> Value {
    if let Some(one) = schema["enum"].get(0) {
        return one.clone();
    }
    if !schema["const"].is_null() {
        return schema["const"].clone();
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(first) = schema[choice].get(0) {
            return sample(first, whole);
        }
    }
    match schema["type"].as_str() {
        Some("object") => object(schema, whole),
        Some("array") => {
            let least = schema["minItems"].as_u64().unwrap_or_default();
            let items = least.max(u64::from(whole));
            Value::Array((0..items).map(|_| sample(&schema["items"], whole)).collect())
        }
        Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1)),
        Some("boolean") => json!(true),
        Some("string") => match schema["format"].as_str() {
            Some("uuid") => json!("0198c0ff-ee00-7000-8000-000000000001"),
            Some("date-time") => json!("2026-01-01T00:00:00Z"),
            _ => {
                let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(1).max(1));
                json!("a".repeat(least.expect("a short text")))
            }
        },
        _ => json!({}),
    }
}

fn object(schema: &Value, whole: bool) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let wanted = |name: &str| whole || required.iter().any(|it| it == name);
    let fields = properties.iter().filter(|(name, _)| wanted(name));
    let fields: Map<_, _> = fields
        .map(|(name, schema)| (name.clone(), sample(schema, whole)))
        .collect();
    fields.into()
}

fn fits(what: &str, schema: &Value, value: &Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let faults: Vec<_> = validator
        .iter_errors(value)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{what}: {faults:?} in {value:#}");
}

#[tokio::test]
async fn a_call_of_the_contract_before_is_one_of_this() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    let previous = previous();
    let mut looked_at = 0;
    for (principal, token) in [
        ("agent", turn.agent.clone()),
        ("supervisor", turn.supervisor.clone()),
        ("staff", world.service_token(Role::Admin).await),
        ("platform", world.platform_token(PlatformRole::Owner).await),
    ] {
        let now = list(&world, &token).await;
        for tool in &previous.tools[principal] {
            let found = now.iter().find(|it| it["name"] == *tool.name);
            let found = found.unwrap_or_else(|| panic!("{principal} has lost {}", tool.name));
            for whole in [false, true] {
                let call = sample(&tool.input, whole);
                fits(&format!("a sample of {}, then", tool.name), &tool.input, &call);
                fits(
                    &format!("a call of {}, now", tool.name),
                    &found["inputSchema"],
                    &call,
                );
                looked_at += 1;
            }
        }
    }
    assert!(looked_at >= 140, "{looked_at} calls");
    world.db.done().await;
}

/// Calls a tool as its old schema says, and reads the answer as the old schema says.
async fn call(world: &World, tools: &[Tool], token: &str, name: &str, arguments: Value) -> Value {
    let tool = tools
        .iter()
        .find(|tool| tool.name == name)
        .expect("a tool of then");
    fits(&format!("the call of {name}"), &tool.input, &arguments);
    let answer = world.ok(token, name, arguments).await;
    fits(&format!("the answer of {name}"), &tool.output, &answer);
    answer
}

#[tokio::test]
async fn a_runner_of_the_contract_before_plays_its_turn() {
    let world = World::new().await;
    let working = world.work().await;
    let turn = world.turn(&world.shop, 1).await;
    let previous = previous();
    let tools = &previous.tools["supervisor"];
    let mut played = Vec::new();
    for (name, mut arguments) in whole_turn() {
        if name != "pull_request_open" {
            arguments["contract_version"] = json!(previous.contract_version);
        }
        call(&world, tools, &turn.supervisor, name, arguments).await;
        played.push(name);
    }
    played.sort_unstable();
    let all: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(played, all, "every tool of a supervisor");
    staff_reads(&world, &previous.tools["staff"], &turn).await;
    working.stop().await;
    world.db.done().await;
}

fn whole_turn() -> Vec<(&'static str, Value)> {
    let usage = json!({"model": "m", "requests": 1, "input_tokens": 10, "cached_input_tokens": 2, "output_tokens": 3,
        "reasoning_tokens": 0});
    vec![
        ("run_context_get", json!({})),
        ("run_heartbeat", json!({})),
        ("repository_token_issue", json!({"access": "write"})),
        (
            "run_log_append",
            json!({"stream": "agent", "offset": 0, "text": "Reading.\n"}),
        ),
        ("run_usage_report", json!({"models": [usage]})),
        ("run_token_refresh", json!({})),
        (
            "run_snapshot_put",
            json!({"session": "thread-1", "path": "sessions/1.jsonl", "data": "aGVsbG8=",
                "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}),
        ),
        ("run_snapshot_get", json!({})),
        (
            "pull_request_open",
            json!({"title": "Correct prices", "head_sha": "a".repeat(40)}),
        ),
        (
            "run_finish",
            json!({"outcome": "succeeded", "head_sha": "a".repeat(40), "base_sha": "b".repeat(40),
                "changed_paths": [{"path": "prices.txt", "change": "modified"}]}),
        ),
    ]
}

/// Whatever staff could read by the ids of a run and its project, they still can.
async fn staff_reads(world: &World, tools: &[Tool], turn: &Turn) {
    let staff = world.service_token(Role::Admin).await;
    let known = json!({
        "run_id": turn.run.run_id.uuid(),
        "project_id": world.shop.project_id.uuid(),
        "repository_id": world.shop.repository_id.uuid(),
    });
    let mut read = 0;
    for tool in tools.iter().filter(|tool| tool.read) {
        let required = tool.input["required"].as_array().cloned().unwrap_or_default();
        let is_known = |name: &Value| name.as_str().is_some_and(|name| known.get(name).is_some());
        if !required.iter().all(is_known) {
            continue;
        }
        let properties = tool.input["properties"].as_object().cloned().unwrap_or_default();
        let given = properties
            .keys()
            .filter_map(|name| Some((name.clone(), known.get(name)?.clone())));
        let arguments: Map<_, _> = given.collect();
        call(world, tools, &staff, &tool.name, arguments.into()).await;
        read += 1;
    }
    assert!(read >= 15, "{read} reads");
}
