//! An agent whose container runs out of memory.

use cluster_sim::Fault;
use serde_json::json;

use crate::kit::{World, eventually};

/// Works for ever on a change it does not commit.
const WORK: &str = "echo precious > file.txt; while :; do sleep 0.2; done";

#[tokio::test]
async fn an_agent_out_of_memory_leaves_its_checkpoint_and_its_reason() {
    let world = World::new().await;
    world.agent(WORK).await;
    let number = world.labelled_issue().await;
    let run_id = world.run_of(number).await;
    eventually("a checkpoint", async || {
        let ask = json!({ "run_id": run_id, "stream": "supervisor", "after": 0 });
        let log = world.call("run_log_tail", ask).await;
        log["text"]
            .as_str()?
            .contains("a checkpoint of the work is kept")
            .then_some(())
    })
    .await;
    let pods = world.cluster_list("/api/v1/pods").await;
    assert_eq!(pods.len(), 1, "{pods:#?}");
    let of_pod = |name: &str| pods[0]["metadata"][name].as_str().expect("a word").to_owned();
    let oom = Fault::OomKill {
        namespace: of_pod("namespace"),
        pod: of_pod("name"),
        container: "agent".into(),
    };
    world.lab.cluster.faults().inject(oom).expect("a fault");
    let ended = world.ended(&run_id).await;
    assert_eq!(ended.state(), "failed", "{:#}", ended.run);
    // Whoever speaks first: what the cluster says of it is known in the end.
    let run = eventually("the reason", async || {
        let run = world.call("run_get", json!({ "run_id": run_id })).await;
        (run["sub_reason"] == "oom").then_some(run)
    })
    .await;
    assert_eq!(run["reason"], "environment");
    let clone = world.cloned(run["branch"].as_str().expect("a branch")).await;
    let saved = std::fs::read_to_string(clone.join("file.txt")).expect("it was saved");
    assert_eq!(saved, "precious\n");
    eventually("the word at the issue", async || {
        let said = world.comments(number).join("\n");
        said.contains("environment: oom").then_some(())
    })
    .await;
    world.leaves_nothing().await;
    world.end().await;
}
