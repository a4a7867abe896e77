//! An idempotency key makes a repeat the same write, on every tool that writes.

use orchestrator::actor::Role;
use orchestrator::delivery::{self, NewDelivery};
use orchestrator::trace::TraceParent;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

/// `arguments` and other ones under the same key.
fn keyed(mut arguments: Value, other: &Value) -> (Value, Value) {
    arguments["idempotency_key"] = json!("k");
    let mut others = arguments.clone();
    for (name, value) in other.as_object().expect("fields") {
        others[name] = value.clone();
    }
    (arguments, others)
}

#[tokio::test]
async fn an_agents_repeat_is_the_same_write() {
    let world = World::new().await;
    let working = world.work().await;
    let turn = world.turn(&world.shop, 1).await;
    world.ok(&turn.supervisor, "run_heartbeat", json!({})).await;
    for (tool, arguments, other) in [
        ("issue_label", json!({"add": ["bug"]}), json!({"add": ["idea"]})),
        (
            "issue_comment",
            json!({"body": "On it."}),
            json!({"body": "Done."}),
        ),
        (
            "pull_request_open",
            json!({"title": "One"}),
            json!({"title": "Two"}),
        ),
        (
            "run_status_report",
            json!({"text": "Reading."}),
            json!({"text": "Writing."}),
        ),
    ] {
        let (arguments, others) = keyed(arguments, &other);
        let first = world.ok(&turn.agent, tool, arguments.clone()).await;
        let again = world.ok(&turn.agent, tool, arguments).await;
        assert_eq!(first["effect_id"], again["effect_id"], "{tool}");
        assert_eq!(
            world.refused(&turn.agent, tool, others).await,
            "idempotency_mismatch",
            "{tool}"
        );
    }
    let anew = |_| world.ok(&turn.agent, "issue_label", json!({"add": ["bug"]}));
    let ids = [
        anew(1).await["effect_id"].clone(),
        anew(2).await["effect_id"].clone(),
    ];
    assert_ne!(ids[0], ids[1], "without a key each change of labels is its own");
    let staff = world.service_token(Role::Viewer).await;
    let events = world
        .ok(
            &staff,
            "run_event_list",
            json!({"run_id": turn.run.run_id.uuid()}),
        )
        .await;
    let events = events["events"].as_array().expect("a list").iter();
    let reports = events.filter(|event| event["kind"] == "status_reported");
    assert_eq!(reports.count(), 1);
    working.stop().await;
    world.db.done().await;
}

#[tokio::test]
async fn a_persons_repeat_is_the_same_act() {
    let world = World::new().await;
    let staff = world.service_token(Role::Maintainer).await;
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    let (cancel, others) = keyed(json!({"run_id": run.run_id.uuid()}), &json!({"why": "Tired."}));
    let first = world.ok(&staff, "run_cancel", cancel.clone()).await;
    assert_eq!(world.ok(&staff, "run_cancel", cancel).await, first);
    assert_eq!(
        world.refused(&staff, "run_cancel", others).await,
        "idempotency_mismatch"
    );

    let new = |guid: &str| NewDelivery {
        guid: guid.to_owned(),
        event: "star".into(),
        content_type: None,
        body: json!({"action": "created", "repository": {"id": 5001}})
            .to_string()
            .into_bytes(),
        traceparent: TraceParent::begin(),
    };
    let mut ids = Vec::new();
    for guid in ["guid-1", "guid-2"] {
        let received = delivery::receive(&world.orchestrator, new(guid))
            .await
            .expect("received");
        let id = received.delivery_id;
        delivery::examine(&world.orchestrator, id, None)
            .await
            .expect("a verdict");
        ids.push(id.uuid());
    }
    let id: Uuid = ids[0];
    let (replay, others) = keyed(json!({"delivery_id": id}), &json!({"delivery_id": ids[1]}));
    let first = world.ok(&staff, "delivery_replay", replay.clone()).await;
    assert_eq!(first.get("verdict"), None, "it is worked on again");
    // Without the key it would be a conflict: nobody has worked on it yet.
    let bare = json!({"delivery_id": id});
    assert_eq!(world.refused(&staff, "delivery_replay", bare).await, "conflict");
    assert_eq!(world.ok(&staff, "delivery_replay", replay).await, first);
    assert_eq!(
        world.refused(&staff, "delivery_replay", others).await,
        "idempotency_mismatch"
    );
    world.db.done().await;
}
