//! What clients are shown: every tool with its schemas, per kind of principal.

use orchestrator::actor::{PlatformRole, Role};
use serde_json::{Value, json};

use crate::world::World;

/// All tools that a caller may call, with their schemas.
pub(crate) async fn list(world: &World, token: &str) -> Vec<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let list = world.post("/mcp?toolsets=all", token).json(&body).send().await;
    let list: Value = list.expect("an answer").json().await.expect("JSON");
    list["result"]["tools"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn the_tools_of_each_kind_of_principal() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    let staff = list(&world, &world.service_token(Role::Admin).await).await;
    let owner = list(&world, &world.platform_token(PlatformRole::Owner).await).await;
    let platform: Vec<_> = owner.into_iter().filter(|tool| !staff.contains(tool)).collect();
    let supervisor = list(&world, &turn.supervisor).await;
    let agent = list(&world, &turn.agent).await;
    for tool in staff.iter().chain(&platform).chain(&supervisor).chain(&agent) {
        check(tool);
    }
    for tool in &supervisor {
        let fields = &tool["inputSchema"]["properties"];
        let both = tool["name"] == "pull_request_open";
        assert_eq!(fields["contract_version"].is_object(), !both, "{tool}");
    }
    for tool in staff
        .iter()
        .chain(&platform)
        .chain(&agent)
        .filter(|tool| tool["annotations"]["readOnlyHint"] == false)
    {
        let fields = &tool["inputSchema"]["properties"];
        assert!(
            fields["idempotency_key"].is_object(),
            "{} takes no key",
            tool["name"]
        );
    }
    let outside: Vec<_> = supervisor
        .iter()
        .chain(&agent)
        .filter(|tool| tool["annotations"]["openWorldHint"] == true)
        .map(|tool| tool["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        outside,
        [
            "pull_request_open",
            "repository_token_issue",
            "issue_comment",
            "issue_create",
            "issue_get",
            "issue_label",
            "issue_list",
            "knowledge_get",
            "knowledge_search",
            "pull_request_get",
            "pull_request_open",
            "pull_request_review"
        ]
    );
    insta::assert_json_snapshot!("staff", staff);
    insta::assert_json_snapshot!("platform", platform);
    insta::assert_json_snapshot!("supervisor", supervisor);
    insta::assert_json_snapshot!("agent", agent);
    world.db.done().await;
}

fn check(tool: &Value) {
    let name = tool["name"].as_str().expect("a name");
    for field in ["title", "description"] {
        assert!(
            tool[field].as_str().is_some_and(|text| !text.is_empty()),
            "{name} has no {field}"
        );
    }
    for hint in [
        "readOnlyHint",
        "destructiveHint",
        "idempotentHint",
        "openWorldHint",
    ] {
        assert!(
            tool["annotations"][hint].is_boolean(),
            "{name} does not say {hint}"
        );
    }
    for schema in ["inputSchema", "outputSchema"] {
        let schema = &tool[schema];
        assert_eq!(schema["type"], "object", "{name}");
        plain(name, schema);
    }
}

/// Nothing that strict validators warn about: null types, formats they do not know, header parameters, references.
fn plain(name: &str, schema: &Value) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "format" => assert!(
                        value
                            .as_str()
                            .is_some_and(|format| ["uuid", "date-time"].contains(&format)),
                        "{name}: {value}"
                    ),
                    "type" => assert!(value.is_string() && value != "null", "{name}: {value}"),
                    "$ref" | "x-mcp-header" => panic!("{name} has {key}"),
                    _ => plain(name, value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| plain(name, item)),
        _ => {}
    }
}
