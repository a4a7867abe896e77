//! A run as a task of the protocol.

use orchestrator::actor::{Actor, Role};
use orchestrator::run;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

fn tasks() -> Value {
    json!({"extensions": {"io.modelcontextprotocol/tasks": {}}})
}

async fn ask(world: &World, token: &str, method: &str, params: Value) -> Value {
    let request = world.capable_request(token, method, params, tasks());
    request
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON")
}

async fn begin(world: &World, token: &str, number: u64) -> String {
    let arguments = json!({"repository_id": world.shop.repository_id.uuid(), "number": number, "stage": "dev",
        "idempotency_key": format!("k{number}")});
    let begun = ask(
        world,
        token,
        "tools/call",
        json!({"name": "run_start", "arguments": arguments}),
    )
    .await;
    assert_eq!(begun["result"]["resultType"], "task", "{begun}");
    assert_eq!(begun["result"]["status"], "working");
    begun["result"]["taskId"].as_str().expect("an id").to_owned()
}

async fn get(world: &World, token: &str, id: &str) -> Value {
    ask(world, token, "tasks/get", json!({"taskId": id})).await
}

#[tokio::test]
async fn a_run_is_a_task_for_those_who_know_tasks() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    let id = begin(&world, &staff, 1).await;
    assert_eq!(
        begin(&world, &staff, 1).await,
        id,
        "the same call is the same task"
    );
    assert_eq!(
        id.parse::<Uuid>().expect("an id").get_version_num(),
        4,
        "nobody guesses it"
    );
    let working = get(&world, &staff, &id).await;
    assert_eq!(working["result"]["status"], "working", "{working}");
    let said = working["result"]["statusMessage"]
        .as_str()
        .expect("text")
        .to_owned();
    assert!(said.ends_with(": queued"), "{said}");
    // A client that does not know tasks gets the run.
    let other = json!({"repository_id": world.shop.repository_id.uuid(), "number": 2, "stage": "dev"});
    assert_eq!(world.ok(&staff, "run_start", other).await["state"], "queued");
    // The answers of a task go to nobody, and are no mistake.
    let update = json!({"taskId": id, "inputResponses": {"x": {}}});
    assert_eq!(
        ask(&world, &staff, "tasks/update", update).await["result"]["resultType"],
        "complete"
    );
    let cancel = || ask(&world, &staff, "tasks/cancel", json!({"taskId": id}));
    assert_eq!(cancel().await["result"]["resultType"], "complete");
    let over = get(&world, &staff, &id).await;
    assert_eq!(over["result"]["status"], "cancelled", "{over}");
    assert_eq!(
        cancel().await["result"]["resultType"],
        "complete",
        "asking twice changes nothing"
    );
    world.db.done().await;
}

#[tokio::test]
async fn the_task_of_a_run_that_failed_is_answered_with_the_reason() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    let id = begin(&world, &staff, 1).await;
    let said = get(&world, &staff, &id).await["result"]["statusMessage"].to_string();
    let run_id: Uuid = said[5..41].parse().expect("a run");
    let turn = world.admit(run_id.into()).await;
    let finish = json!({"outcome": "failed", "reason": "agent_error"});
    world.ok(&turn.supervisor, "run_heartbeat", json!({})).await;
    world.ok(&turn.supervisor, "run_finish", finish).await;
    let system = Actor::System("test");
    let run = run::get(&world.orchestrator, &system, run_id.into())
        .await
        .expect("the run");
    let task = get(&world, &staff, &id).await;
    if run.state.is_over() {
        assert_eq!(task["result"]["status"], "completed", "{task}");
        assert_eq!(task["result"]["result"]["isError"], true);
        assert_eq!(
            task["result"]["result"]["structuredContent"]["reason"],
            "agent_error"
        );
    } else {
        assert_eq!(task["result"]["status"], "working", "{task}");
    }
    world.db.done().await;
}

/// Another principal of the same project, one of the same role, one of the platform.
#[tokio::test]
async fn a_task_is_its_owners_alone() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    let other = world.service_token(Role::Maintainer).await;
    let id = begin(&world, &staff, 1).await;
    let missing = Uuid::new_v4().to_string();
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        let params = |id: &str| json!({"taskId": id, "inputResponses": {}});
        let theirs = ask(&world, &other, method, params(&id)).await.to_string();
        let none = ask(&world, &other, method, params(&missing)).await.to_string();
        let nonsense = ask(&world, &other, method, params("nonsense")).await.to_string();
        assert!(theirs.contains("task not found"), "{theirs}");
        assert_eq!([&theirs, &nonsense], [&none, &none]);
    }
    assert_eq!(get(&world, &staff, &id).await["result"]["status"], "working");
    world.db.done().await;
}
