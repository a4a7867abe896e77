//! What a person sees of a run's place in the cluster, while it is there.

use serde_json::{Value, json};

use crate::kit::{World, eventually};

/// An agent that says something and stays until it is ended.
const SAYS_AND_STAYS: &str = "echo \"the agent is here\"; sleep 600";

#[tokio::test]
async fn an_environment_is_seen_while_it_is_there() {
    let world = World::new().await;
    world.agent(SAYS_AND_STAYS).await;
    let number = world.labelled_issue().await;
    let run_id = world.run_of(number).await;
    world.passes(&run_id, "running").await;

    let listed = world.call("environment_list", json!({})).await;
    let [environment] = listed["environments"].as_array().expect("a list").as_slice() else {
        panic!("one slot is in use: {listed:#}");
    };
    assert_eq!(environment["run_id"], json!(run_id));
    assert_eq!(environment["state"], "leased");
    let slot = json!({ "slot_id": environment["slot_id"] });

    // The supervisor speaks before the cluster says that the pod runs.
    let shown = eventually("the pod runs", async || {
        let shown = world.call("environment_get", slot.clone()).await;
        (shown["pods"][0]["phase"] == "Running").then_some(shown)
    })
    .await;
    assert_eq!(shown["environment"], *environment);
    let pods = shown["pods"].as_array().expect("pods");
    assert_eq!(pods.len(), 1, "{shown:#}");
    for name in ["supervisor", "agent"] {
        assert_eq!(container(&pods[0], name)["standing"], "running", "{shown:#}");
    }

    let events = world.call("environment_event_list", slot.clone()).await;
    let events = events["events"].as_array().expect("events").clone();
    let of = |kind: &str| {
        let is_of = |event: &&Value| {
            event["object"]
                .as_str()
                .is_some_and(|object| object.starts_with(kind))
        };
        events.iter().filter(is_of).count()
    };
    assert!(of("Job/run-") > 0 && of("Pod/run-") > 0, "{events:#?}");
    assert!(events.is_sorted_by(|newer, older| newer["at"].as_str() >= older["at"].as_str()));

    let log = json!({ "slot_id": environment["slot_id"], "max_bytes": 4_096 });
    let log = world.call("environment_log_tail", log).await;
    let texts = log["logs"].as_array().expect("logs");
    assert!(texts.iter().any(|it| it["container"] == "supervisor"), "{log:#}");
    assert!(!log.to_string().contains("eyJ"), "no token is printed: {log:#}");

    let refused = world.staff.call("environment_delete", slot.clone()).await;
    let refused = refused.expect_err("a run works there").to_string();
    assert!(refused.contains("run_cancel"), "{refused}");

    world.call("run_cancel", json!({ "run_id": run_id })).await;
    eventually("the environment is gone", async || {
        let listed = world.call("environment_list", json!({})).await;
        listed["environments"]
            .as_array()
            .is_some_and(Vec::is_empty)
            .then_some(())
    })
    .await;
    let gone = world.staff.call("environment_get", slot).await;
    let gone = gone.expect_err("a free slot has no environment").to_string();
    assert!(gone.contains("there is no environment"), "{gone}");
    world.leaves_nothing().await;
    world.end().await;
}

fn container<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let containers = pod["containers"].as_array().into_iter().flatten();
    let mut named = containers.filter(|it| it["name"] == name);
    named.next().unwrap_or(&Value::Null)
}
