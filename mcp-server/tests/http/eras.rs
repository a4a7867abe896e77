//! Both protocol eras on one endpoint, and what a list of tools may tell to whom.

use std::time::Duration;

use orchestrator::actor::Role;
use reqwest::StatusCode;
use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_client_of_each_era_lists_and_calls() {
    let world = World::new().await;
    let token = world.service_token(Role::Maintainer).await;
    let mut listed = Vec::new();
    let discover = ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    for mode in [ClientLifecycleMode::Initialize, discover] {
        let config =
            StreamableHttpClientTransportConfig::with_uri(world.url("/mcp")).auth_header(token.clone());
        let transport = StreamableHttpClientTransport::from_config(config);
        let client = ClientConfig::default()
            .serve_with_lifecycle(transport, mode)
            .await
            .expect("a connection");
        let tools = client.list_all_tools().await.expect("a list");
        listed.push(tools.iter().map(|tool| tool.name.to_string()).collect::<Vec<_>>());
        let answer = client
            .call_tool(CallToolRequestParams::new("principal_get"))
            .await
            .expect("an answer");
        let answer = answer.structured_content.expect("structured content");
        assert_eq!(answer["name"], "test-maintainer");
        client.cancel().await.expect("an end");
    }
    assert_eq!(listed[0], listed[1]);
    world.db.done().await;
}

#[tokio::test]
async fn a_legacy_answer_has_no_words_of_the_modern_era() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let legacy = world.call(&token, "principal_get", json!({})).await;
    assert_eq!(legacy["result"].get("resultType"), None);
    let modern = world
        .modern(
            &token,
            "tools/call",
            json!({"name": "principal_get", "arguments": {}}),
        )
        .await;
    assert_eq!(modern["result"]["resultType"], "complete");
    assert_eq!(
        modern["result"]["structuredContent"],
        legacy["result"]["structuredContent"]
    );
    world.db.done().await;
}

#[tokio::test]
async fn a_list_is_private_and_in_fixed_order() {
    let world = World::new().await;
    let token = world.service_token(Role::Admin).await;
    let list = world.modern(&token, "tools/list", json!({})).await;
    assert_eq!(list["result"]["cacheScope"], "private");
    assert_eq!(list["result"]["ttlMs"], 60_000);
    let names = world.tools(&token).await;
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    world.db.done().await;
}

#[rstest]
#[case::method("mcp-method", "tools/list")]
#[case::name("mcp-name", "run_cancel")]
#[case::version("mcp-protocol-version", "2025-11-25")]
#[tokio::test]
async fn headers_that_contradict_the_body_are_refused(#[case] header: &'static str, #[case] value: &str) {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let params = json!({"name": "principal_get", "arguments": {}});
    let mut request = world
        .modern_request(&token, "tools/call", params)
        .build()
        .expect("a request");
    request
        .headers_mut()
        .insert(header, value.parse().expect("a value"));
    let response = world.execute(request).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["error"]["code"], -32020, "{answer}");
    world.db.done().await;
}

#[tokio::test]
async fn unknown_methods_and_versions_are_named_as_such() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let response = world
        .modern_request(&token, "no/such", json!({}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["error"]["code"], -32601);
    let mut body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2099-01-01",
        "io.modelcontextprotocol/clientCapabilities": {}}}});
    let request = world.request(reqwest::Method::POST, Some(&token));
    let request = request
        .header("mcp-protocol-version", "2099-01-01")
        .header("mcp-method", "tools/list");
    let response = request.json(&body.take()).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["error"]["code"], -32022, "{answer}");
    world.db.done().await;
}

/// Neither era tells a tool one may not see from one that is not there.
#[tokio::test]
async fn a_hidden_tool_answers_like_an_unknown_one() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let tools = world.tools(&token).await;
    for hidden in [
        "run_token_refresh",
        "run_finish",
        "delivery_list",
        "run_status_report",
    ] {
        assert!(!tools.iter().any(|tool| tool == hidden), "{hidden}");
        for arguments in [json!({}), json!({"nonsense": 1})] {
            let name = |name: &str| json!({"name": name, "arguments": arguments});
            let there = world.legacy(&token, "tools/call", name(hidden)).await;
            let missing = world.legacy(&token, "tools/call", name("no_such_tool")).await;
            assert_eq!(there.to_string(), missing.to_string());
            assert_eq!(
                there["error"],
                json!({"code": -32602, "message": "tool not found"})
            );
            let there = world
                .modern_request(&token, "tools/call", name(hidden))
                .send()
                .await
                .expect("an answer");
            let missing = world
                .modern_request(&token, "tools/call", name("no_such_tool"))
                .send()
                .await
                .expect("one");
            assert_eq!(there.status(), missing.status());
            assert_eq!(
                there.bytes().await.expect("bytes"),
                missing.bytes().await.expect("bytes")
            );
        }
    }
    world.db.done().await;
}

#[tokio::test]
async fn bad_arguments_are_the_tools_answer_and_name_the_field() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    for (arguments, said) in [
        (json!({"limit": 0}), "limit: must be from 1 to 100, not 0"),
        (json!({"limit": 1000}), "limit: must be from 1 to 100, not 1000"),
        (json!({"limmit": 1}), "unknown field `limmit`"),
        (json!({"project_id": "x"}), "project_id: "),
        (json!({"cursor": "%%"}), "cursor is not one of ours"),
    ] {
        let answer = world.call(&token, "repository_list", arguments).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        let failure = &answer["result"]["structuredContent"];
        assert_eq!(failure["code"], "invalid_input");
        assert!(
            failure["message"].as_str().expect("text").contains(said),
            "{failure}"
        );
    }
    world.db.done().await;
}

/// In a session, requests that share an id stall each other; without sessions they are strangers.
#[tokio::test]
async fn requests_that_share_an_id_do_not_stall_each_other() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let calls = (0..8).map(|_| world.ok(&token, "principal_get", json!({})));
    let answers = tokio::time::timeout(Duration::from_secs(10), futures_util::future::join_all(calls)).await;
    assert_eq!(answers.expect("in time").len(), 8);
    world.db.done().await;
}

#[tokio::test]
async fn calls_are_counted_and_made_up_names_make_no_series() {
    let metrics = telemetry::install_metrics().expect("metrics");
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    world.ok(&token, "principal_get", json!({})).await;
    world
        .refused(&token, "run_get", json!({"run_id": uuid::Uuid::now_v7()}))
        .await;
    world.call(&token, "no_such_tool", json!({})).await;
    world
        .request(reqwest::Method::GET, Some("nonsense"))
        .send()
        .await
        .expect("an answer");
    let text = metrics.render();
    for line in [
        "codex_tool_calls_total{tool=\"principal_get\",code=\"ok\"}",
        "codex_tool_calls_total{tool=\"run_get\",code=\"not_found\"}",
        "codex_tool_calls_total{tool=\"unknown\",code=\"unknown_tool\"}",
        "codex_tool_call_seconds_bucket{tool=\"principal_get\",le=\"0.5\"}",
        "codex_auth_failures_total{program=\"mcp-server\",kind=\"invalid\"}",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("no_such_tool"));
    world.db.done().await;
}

/// What is offered is the same in both eras, but for listening to resources, which needs a session in the old one. Tasks
/// are for clients that know them.
#[tokio::test]
async fn what_is_offered() {
    let world = World::new().await;
    let token = world.service_token(Role::Admin).await;
    let initialize = json!({"protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "test", "version": "1"}});
    let legacy = world.legacy(&token, "initialize", initialize).await;
    let mut offered = json!({"tools": {}, "prompts": {}, "resources": {}, "completions": {},
        "extensions": {"io.modelcontextprotocol/tasks": {}}});
    assert_eq!(legacy["result"]["capabilities"], offered);
    let modern = world.modern(&token, "server/discover", json!({})).await;
    offered["resources"] = json!({"subscribe": true});
    assert_eq!(modern["result"]["capabilities"], offered);
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let params = json!({"taskId": "1", "inputResponses": {}});
        let response = world
            .modern_request(&token, method, params)
            .send()
            .await
            .expect("an answer");
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer["error"]["code"], -32021, "{method}: {answer}");
    }
    world.db.done().await;
}

#[tokio::test]
async fn a_caller_narrows_its_own_tools() {
    let world = World::new().await;
    let token = world.service_token(Role::Admin).await;
    let all = world.tools(&token).await;
    let ask = |query: &str, method: &str, params: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        world.post(&format!("/mcp?{query}"), &token).json(&body).send()
    };
    for (query, left) in [
        (
            "toolsets=slots",
            vec![
                "environment_delete",
                "environment_event_list",
                "environment_get",
                "environment_list",
                "environment_log_tail",
                "slot_explain",
                "slot_get",
                "slot_list",
            ],
        ),
        (
            "toolsets=slots,access",
            vec![
                "access_explain",
                "environment_delete",
                "environment_event_list",
                "environment_get",
                "environment_list",
                "environment_log_tail",
                "member_list",
                "member_remove",
                "member_set",
                "principal_get",
                "project_get",
                "project_list",
                "project_pause",
                "project_resume",
                "project_update",
                "secret_list",
                "secret_set",
                "session_list",
                "session_revoke",
                "slot_explain",
                "slot_get",
                "slot_list",
                "stats_get",
                "stats_series_get",
                "token_create",
                "token_list",
                "token_revoke",
                "tool_search",
            ],
        ),
        ("toolsets=turn", vec![]),
    ] {
        let list: Value = ask(query, "tools/list", json!({}))
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let names: Vec<_> = list["result"]["tools"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(names, left, "{query}");
    }
    let list = ask("read_only=true", "tools/list", json!({}))
        .await
        .expect("an answer");
    let list = list.text().await.expect("text");
    assert!(list.contains("run_get") && all.iter().any(|name| name == "run_cancel"));
    assert!(!list.contains("\"run_cancel\"") && !list.contains("\"readOnlyHint\":false"));
    // What was taken away answers like what is not there.
    let call = |name: &str| json!({"name": name, "arguments": {}});
    let mut said = Vec::new();
    for (query, name) in [
        ("read_only=true", "run_cancel"),
        ("toolsets=slots", "run_get"),
        ("toolsets=slots", "no_such_tool"),
    ] {
        let response = ask(query, "tools/call", call(name)).await.expect("an answer");
        said.push(response.text().await.expect("text"));
    }
    assert!(
        said[0].contains("tool not found") && said.iter().all(|text| *text == said[0]),
        "{said:?}"
    );
    let kept = ask("read_only=true", "tools/call", call("principal_get"))
        .await
        .expect("an answer");
    assert!(kept.text().await.expect("text").contains("test-admin"));
    for bad in ["toolsets=everything", "read_only=maybe"] {
        let response = ask(bad, "tools/list", json!({})).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    world.db.done().await;
}
