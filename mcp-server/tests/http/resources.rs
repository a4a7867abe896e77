//! Resources, prompts, completion: other faces of what tools answer.

use orchestrator::actor::Role;
use orchestrator::testing::seed;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn a_resource_is_what_its_tool_answers() {
    let world = World::new().await;
    let token = world.service_token(Role::Maintainer).await;
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    crate::access::delivery_from(&world, 5001).await;
    let list = world.modern(&token, "resources/list", json!({})).await;
    assert_eq!(list["result"]["cacheScope"], "private");
    let resources = list["result"]["resources"].as_array().expect("a list");
    assert_eq!(resources.len(), 2, "{list}");
    let uri = format!("run://{}", run.run_id);
    assert_eq!(resources[0]["uri"], json!(uri));
    assert_eq!(resources[0]["title"], "dev of #1: queued");
    for era in [World::legacy_of, World::modern_of] {
        let read = era(&world, &token, "resources/read", json!({"uri": uri})).await;
        let text = read["result"]["contents"][0]["text"].as_str().expect("text");
        let read: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(
            read,
            world.ok(&token, "run_get", json!({"run_id": run.run_id})).await
        );
    }
    let templates = world.modern(&token, "resources/templates/list", json!({})).await;
    let templates = templates["result"]["resourceTemplates"]
        .as_array()
        .expect("a list");
    let templates: Vec<_> = templates
        .iter()
        .map(|one| one["uriTemplate"].as_str().expect("a template"))
        .collect();
    assert_eq!(templates, ["run://{id}", "delivery://{id}", "document://{id}"]);
    world.db.done().await;
}

/// Somebody else's, one that is not there, and what is no address at all.
#[tokio::test]
async fn what_one_may_not_read_is_not_there() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let bank = seed(&world.orchestrator, "bank", 2, 4).await.expect("a project");
    let foreign = bank
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run")
        .run_id
        .uuid();
    let delivery = crate::access::delivery_from(&world, 5001).await;
    let missing = Uuid::now_v7();
    let mut answers = Vec::new();
    for uri in [
        format!("run://{foreign}"),
        format!("run://{missing}"),
        format!("delivery://{delivery}"),
        "run://nonsense".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let request = world.modern_request(&token, "resources/read", json!({"uri": uri}));
        let answer: Value = request
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        answers.push(answer.to_string().replace(&uri, "URI"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let list = world
        .modern(&token, "resources/list", json!({}))
        .await
        .to_string();
    assert!(
        !list.contains(&foreign.to_string()) && !list.contains("delivery://"),
        "{list}"
    );
    let turn = world.turn(&world.shop, 1).await;
    for run in [&turn.agent, &turn.supervisor] {
        let list = world.modern(run, "resources/list", json!({})).await;
        assert_eq!(list["result"]["resources"], json!([]));
        let prompts = world.modern(run, "prompts/list", json!({})).await;
        assert_eq!(
            prompts["result"]["prompts"].as_array().map(Vec::is_empty),
            Some(run == &turn.supervisor)
        );
    }
    world.db.done().await;
}

#[tokio::test]
async fn a_stage_is_a_prompt() {
    let world = World::new().await;
    let contributor = world.service_token(Role::Contributor).await;
    let list = world.modern(&contributor, "prompts/list", json!({})).await;
    let prompts = list["result"]["prompts"].as_array().expect("a list");
    assert_eq!(prompts.len(), 13);
    let repository = world.shop.repository_id.uuid();
    let get = |arguments: Value| {
        let ask = json!({"name": "dev", "arguments": arguments});
        world.modern_request(&contributor, "prompts/get", ask).send()
    };
    let rendered = get(json!({"repository_id": repository, "instruction": "Tidy \u{202e}up."})).await;
    let rendered: Value = rendered.expect("an answer").json().await.expect("JSON");
    let text = rendered["result"]["messages"][0]["content"]["text"]
        .as_str()
        .expect("text");
    assert!(text.contains("Tidy up.") && text.contains("octo/shop"), "{text}");
    for arguments in [
        json!({}),
        json!({"repository_id": "x"}),
        json!({"repository_id": Uuid::now_v7()}),
    ] {
        let answer: Value = get(arguments)
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    // A viewer may not read what agents are told.
    let viewer = world.service_token(Role::Viewer).await;
    let none = world.modern(&viewer, "prompts/list", json!({})).await;
    assert_eq!(none["result"]["prompts"], json!([]));
    let ask = json!({"name": "dev", "arguments": {"repository_id": repository}});
    let hidden = world
        .modern_request(&viewer, "prompts/get", ask)
        .send()
        .await
        .expect("an answer");
    let missing = world
        .modern_request(&viewer, "prompts/get", json!({"name": "none"}))
        .send()
        .await
        .expect("one");
    assert_eq!(
        hidden.text().await.expect("text"),
        missing.text().await.expect("text")
    );
    world.db.done().await;
}

#[tokio::test]
async fn what_is_typed_is_completed_with_what_one_may_see() {
    let world = World::new().await;
    let token = world.service_token(Role::Maintainer).await;
    let bank = seed(&world.orchestrator, "bank", 2, 4).await.expect("a project");
    bank.start(&world.orchestrator, Some(1)).await.expect("a run");
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run")
        .run_id
        .to_string();
    let complete = async |reference: Value, name: &str, value: &str| {
        let ask = json!({"ref": reference, "argument": {"name": name, "value": value}});
        let answer = world.modern(&token, "completion/complete", ask).await;
        answer["result"]["completion"]["values"].clone()
    };
    let of_runs = || json!({"type": "ref/resource", "uri": "run://{id}"});
    let of_dev = || json!({"type": "ref/prompt", "name": "dev"});
    assert_eq!(complete(of_runs(), "id", "").await, json!([run]));
    assert_eq!(complete(of_runs(), "id", &run[..6]).await, json!([run]));
    assert_eq!(complete(of_runs(), "id", "zzz").await, json!([]));
    let repository = json!([world.shop.repository_id.uuid()]);
    assert_eq!(complete(of_dev(), "repository_id", "SHO").await, repository);
    assert_eq!(complete(of_dev(), "repository_id", "bank").await, json!([]));
    assert_eq!(complete(of_dev(), "instruction", "").await, json!([]));
    assert_eq!(
        complete(json!({"type": "ref/prompt", "name": "none"}), "x", "").await,
        json!([])
    );
    world.db.done().await;
}
