//! Turns that do not go well: each ends with the reason a person needs.

use std::path::Path;

use contract::failure::ErrorCode;
use contract::runner::{Finish, FinishOutcome};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::json;

use crate::kit::{World, finish_of, send};

fn reasons(finish: &Finish) -> (&str, &str) {
    assert_eq!(finish.outcome, FinishOutcome::Failed, "{finish:?}");
    (
        finish.reason.as_deref().unwrap_or_default(),
        finish.sub_reason.as_deref().unwrap_or_default(),
    )
}

#[tokio::test]
async fn no_change_fails_with_the_agents_words() {
    let world = World::new("echo I could not find anything to do").await;
    let finish = world.play().await;
    assert_eq!(reasons(&finish), ("output_invalid", "no_change"));
    assert_eq!(
        finish.last_message.as_deref(),
        Some("I could not find anything to do")
    );
    assert_eq!(world.host.head("codex/issue-7"), None);
}

#[tokio::test]
async fn a_program_that_fails_says_how() {
    let world = World::new("echo half > half.txt; echo it broke >&2; exit 3").await;
    let finish = world.play().await;
    assert_eq!(reasons(&finish), ("agent_error", "exit_code"));
    assert!(finish.detail.expect("a detail").contains("it broke"));
    assert_eq!(
        world.host.head("codex/issue-7"),
        None,
        "half a change is not pushed"
    );
}

#[tokio::test]
async fn a_missing_program_is_the_environments_fault() {
    let world = World::with("", |context| {
        context.agent.command = vec!["/no/such/program".into()];
    })
    .await;
    assert_eq!(reasons(&world.play().await), ("environment", "no_program"));
}

#[tokio::test]
async fn a_branch_that_moved_is_not_overwritten() {
    let world =
        World::new("echo mine > file.txt; touch \"$HOME/go\"; while [ -e \"$HOME/go\" ]; do sleep 0.1; done")
            .await;
    let mut pod = world.start();
    world.sees(&world.path("home/go")).await;
    world.host.commit_elsewhere("codex/issue-7");
    let theirs = world.host.head("codex/issue-7");
    std::fs::remove_file(world.path("home/go")).expect("removed");
    pod.ends().await;
    assert_eq!(
        reasons(&finish_of(&world.platform)),
        ("precondition", "branch_moved")
    );
    assert_eq!(world.host.head("codex/issue-7"), theirs);
}

#[tokio::test]
async fn sigterm_saves_the_work_and_says_evicted() {
    let world = World::new("echo unfinished > file.txt; touch \"$HOME/go\"; sleep 600").await;
    let mut pod = world.start();
    world.sees(&world.path("home/go")).await;
    // The kubelet's order: the agent's container first, and the supervisor only after it has ended.
    send(&pod.agent, Signal::SIGTERM);
    pod.ends().await;
    let finish = finish_of(&world.platform);
    assert_eq!(reasons(&finish), ("environment", "evicted"));
    assert_eq!(
        finish.head_sha,
        world.host.head("codex/issue-7"),
        "the work was saved and told"
    );
    assert_eq!(world.host.ask(&["show", "codex/issue-7:file.txt"]), "unfinished");
    assert!(world.platform.calls("pull_request_open").is_empty());
}

#[tokio::test]
async fn sigterm_before_the_turn_began_says_evicted() {
    let world = World::new("true").await;
    world.platform.hold("run_context_get");
    let mut pod = world.start();
    let progress = world.path("private/progress.json");
    while !std::fs::read_to_string(&progress).is_ok_and(|text| text.contains(r#""nonce":""#)) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    send(&pod.agent, Signal::SIGTERM);
    pod.ends().await;
    assert_eq!(reasons(&finish_of(&world.platform)), ("environment", "evicted"));
}

#[tokio::test]
async fn the_program_is_the_first_to_go_when_memory_runs_out() {
    let world = World::new(
        "[ \"$(cat /proc/self/oom_score_adj)\" = 1000 ] || exit 9; trap 'exit 7' TERM; kill -TERM $$; sleep 600",
    )
    .await;
    let finish = world.play().await;
    assert_eq!(reasons(&finish), ("agent_error", "exit_code"));
    assert!(
        finish.detail.expect("a detail").contains("exit code 7"),
        "it takes SIGTERM like any other"
    );
}

#[tokio::test]
async fn a_killed_container_leaves_its_last_checkpoint() {
    let world = World::new("echo precious > file.txt; echo $$ > \"$HOME/go\"; sleep 600").await;
    let mut pod = world.start();
    world.sees(&world.path("home/go")).await;
    let progress = world.path("private/progress.json");
    while !std::fs::read_to_string(&progress).is_ok_and(|text| text.contains(r#""checkpoint":{"#)) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    send(&pod.agent, Signal::SIGKILL);
    end_what_a_container_would(&world.path("home/go"));
    pod.ends().await;
    let finish = finish_of(&world.platform);
    assert_eq!(reasons(&finish), ("environment", "agent_lost"));
    assert!(
        finish
            .detail
            .expect("a detail")
            .contains("the last checkpoint of the work is on codex/issue-7")
    );
    assert_eq!(world.host.ask(&["show", "codex/issue-7:file.txt"]), "precious");
}

/// A container takes all its processes with it; here the program's group, whose leader wrote its number, is what is left.
fn end_what_a_container_would(leader: &Path) {
    let leader = std::fs::read_to_string(leader).expect("a pid");
    let group = Pid::from_raw(leader.trim().parse().expect("a number"));
    killpg(group, Signal::SIGKILL).expect("ended");
}

#[tokio::test]
async fn a_cancelled_run_ends_the_whole_process_group() {
    let script = "sh -c 'echo $$ > \"$HOME/child\"; exec sleep 600' & touch \"$HOME/go\"; trap '' TERM; wait; sleep 600";
    let world = World::new(script).await;
    let mut pod = world.start();
    world.sees(&world.path("home/child")).await;
    world.sees(&world.path("home/go")).await;
    world.platform.stop();
    assert_eq!(pod.ends().await, Some(0));
    assert!(
        world.platform.calls("run_finish").is_empty(),
        "the platform knows already"
    );
    let child = std::fs::read_to_string(world.path("home/child")).expect("a pid");
    let left = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(
        left.is_err() || left.is_ok_and(|stat| stat.contains(") Z ")),
        "the child is gone"
    );
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_ended() {
    let world = World::with("echo slow > file.txt; sleep 600", |context| {
        context.limits.active_seconds = 3;
    })
    .await;
    let finish = world.play().await;
    assert_eq!(reasons(&finish), ("budget", "active_seconds"));
    assert_eq!(
        world.host.ask(&["show", "codex/issue-7:file.txt"]),
        "slow",
        "what there was is saved"
    );
}

#[tokio::test]
async fn a_program_that_is_given_more_time_goes_on() {
    let world = World::with("sleep 5; echo done > file.txt", |context| {
        context.limits.active_seconds = 3;
    })
    .await;
    let beat = json!({ "state": "running", "stop": false, "allowance": { "active_seconds_left": 600 } });
    world.platform.answer_once("run_heartbeat", beat);
    let finish = world.play().await;
    assert_eq!(finish.outcome, FinishOutcome::Succeeded, "{finish:?}");
}

#[tokio::test]
async fn an_outage_of_the_platform_fails_no_turn() {
    let world = World::new("echo fine > file.txt").await;
    for tool in [
        "run_context_get",
        "repository_token_issue",
        "pull_request_open",
        "run_finish",
    ] {
        world.platform.refuse_once(tool, ErrorCode::Unavailable);
    }
    let mut pod = world.start();
    assert_eq!(pod.ends().await, Some(0));
    let last = world.platform.calls("run_finish");
    assert_eq!(last.len(), 2, "refused once, then taken");
    assert_eq!(last[1].input["outcome"], "succeeded");
}

#[tokio::test]
async fn a_stale_turn_ends_quietly() {
    let world = World::new("echo fine > file.txt").await;
    world
        .platform
        .refuse_once("pull_request_open", ErrorCode::StaleTurn);
    let mut pod = world.start();
    assert_eq!(pod.ends().await, Some(0));
    assert!(world.platform.calls("run_finish").is_empty());
}

#[tokio::test]
async fn a_reason_nobody_can_be_told_is_left_for_the_kubelet() {
    let world = World::new("true").await;
    world.platform.close();
    let mut pod = world.start();
    assert_eq!(pod.ends().await, Some(1));
    let message = std::fs::read_to_string(world.path("termination-log")).expect("a message");
    let message: serde_json::Value = serde_json::from_str(&message).expect("json");
    assert_eq!(
        (&message["reason"], &message["sub_reason"]),
        (&"environment".into(), &"platform_refused".into())
    );
}
