//! What happens around a run: tools killed, the database restarted. The run survives and ends in one pull request.

use lab::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::kit::{World, eventually};

/// Waits at its beginning and in its middle, so that what happens meanwhile happens to a run at work.
const SLOW: &str =
    "sleep 4; echo halfway; printf 'x\\n' >> README.md; git commit -qam 'A change'; sleep 4; echo done";

fn kill_all(world: &World, program: Program) -> Vec<u32> {
    let pids = world.lab.pids(program);
    assert!(!pids.is_empty(), "{program:?} runs as a child");
    for pid in &pids {
        let pid = Pid::from_raw(i32::try_from(*pid).expect("a process id"));
        kill(pid, Signal::SIGKILL).expect("it was alive");
    }
    pids
}

/// Waits until other processes took the places of these.
async fn replaced(world: &World, program: Program, killed: &[u32]) {
    eventually("the lab starts it again", async || {
        let now = world.lab.pids(program);
        let replaced = now.len() == killed.len() && now.iter().all(|pid| !killed.contains(pid));
        replaced.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_run_survives_the_death_of_tools_worker_and_database() {
    let mut world = World::with(|config| config.replicas = Some(1)).await;
    world.agent(SLOW).await;
    let number = world.labelled_issue().await;
    let run_id = world.run_of(number).await;
    world.passes(&run_id, "running").await;

    let killed = kill_all(&world, Program::McpServer);
    world
        .lab
        .restart_database()
        .await
        .expect("the database comes back");
    replaced(&world, Program::McpServer, &killed).await;
    let killed = kill_all(&world, Program::Worker);
    replaced(&world, Program::Worker, &killed).await;

    let ended = world.ended(&run_id).await;
    assert_eq!(ended.state(), "succeeded", "{:#}", ended.run);
    world.pull_request(&ended);
    assert_eq!(world.runs(number).await.len(), 1);
    assert_eq!(world.comments(number).len(), 1, "{:#?}", world.comments(number));
    let seqs: Vec<_> = ended.events.iter().map(|event| event["seq"].as_u64()).collect();
    let without_gaps: Vec<_> = (1..=ended.events.len() as u64).map(Some).collect();
    assert_eq!(seqs, without_gaps);
    world.leaves_nothing().await;
    world.end().await;
}
