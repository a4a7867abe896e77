//! A supervisor that is killed and started again.

use contract::failure::ErrorCode;
use contract::runner::FinishOutcome;
use nix::sys::signal::Signal;

use crate::kit::{World, finish_of, send};

#[tokio::test]
async fn a_restart_amid_the_program_ends_the_turn_cleanly() {
    let world = World::new("echo half > file.txt; touch \"$HOME/go\"; sleep 600").await;
    let mut pod = world.start();
    world.sees(&world.path("home/go")).await;
    send(&pod.supervisor, Signal::SIGKILL);
    pod.supervisor.wait().await.expect("it ends");
    forget_offsets(&world);
    pod.supervisor = world.start_supervisor();
    pod.ends().await;
    let finish = finish_of(&world.platform);
    assert_eq!(
        finish.sub_reason.as_deref(),
        Some("supervisor_restarted"),
        "{finish:?}"
    );
    assert_eq!(
        world.host.ask(&["show", "codex/issue-7:file.txt"]),
        "half",
        "the work is saved"
    );
    for stream in ["agent", "supervisor"] {
        let mut end = 0;
        for call in world.platform.calls("run_log_append") {
            let text = call.input["text"].as_str().expect("text");
            if call.input["stream"] == stream && !text.is_empty() {
                assert_eq!(
                    call.input["offset"], end,
                    "nothing is sent over what is there: {text}"
                );
                end += text.len();
            }
        }
    }
}

/// As if the supervisor had been killed between sending a piece of log and noting it.
fn forget_offsets(world: &World) {
    let path = world.path("private/progress.json");
    let text = std::fs::read_to_string(&path).expect("progress");
    let mut progress: serde_json::Value = serde_json::from_str(&text).expect("json");
    progress["log_offsets"] = serde_json::json!({ "agent": 0, "supervisor": 0 });
    std::fs::write(path, progress.to_string()).expect("written");
}

#[tokio::test]
async fn a_restart_before_the_agent_is_there_goes_on() {
    let world = World::new("echo fine > file.txt").await;
    let mut first = world.start_supervisor();
    let seen = world.path("private/progress.json");
    while !std::fs::read_to_string(&seen).is_ok_and(|text| text.contains(r#""seen":{"#)) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    send(&first, Signal::SIGKILL);
    first.wait().await.expect("it ends");
    let mut pod = world.start();
    pod.ends().await;
    assert_eq!(finish_of(&world.platform).outcome, FinishOutcome::Succeeded);
}

#[tokio::test]
async fn a_restart_after_the_end_tells_nothing_twice() {
    let world = World::new("echo fine > file.txt").await;
    let mut pod = world.start();
    pod.ends().await;
    let mut again = world.start_supervisor();
    assert!(again.wait().await.expect("it ends").success());
    assert_eq!(finish_of(&world.platform).outcome, FinishOutcome::Succeeded);
    assert_eq!(world.platform.calls("pull_request_open").len(), 1);
}

#[tokio::test]
async fn a_pod_removed_while_success_is_told_still_succeeded() {
    let world = World::new("echo fine > file.txt").await;
    for _ in 0..3 {
        world.platform.refuse_once("run_finish", ErrorCode::Unavailable);
    }
    let mut pod = world.start();
    while world.platform.calls("run_finish").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    send(&pod.supervisor, Signal::SIGTERM);
    pod.ends().await;
    let told = world.platform.calls("run_finish");
    assert!(
        told.iter().all(|call| call.input["outcome"] == "succeeded"),
        "{told:?}"
    );
    assert!(std::fs::read_to_string(world.path("termination-log")).is_ok_and(|text| text.is_empty()));
}
