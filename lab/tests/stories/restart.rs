//! What happens around a run: tools killed, the database restarted. The run survives and ends in one pull request.

use lab::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use orchestrator::Actor;
use orchestrator::run::{self, RunState};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::kit::{PATIENCE, World, eventually};

/// Calls at the story's port in the middle of its work, and waits there until it is told to go on.
const WAITS_IN_THE_MIDDLE: &str = "echo halfway
python3 -c 'import socket; assert socket.create_connection((\"127.0.0.1\", PORT)).recv(1)'
printf 'x\\n' >> README.md
git commit -qam 'A change'
echo done";

/// Waits for the agent's call; until it is answered its run is at work.
async fn called(listener: &TcpListener) -> TcpStream {
    let call = tokio::time::timeout(PATIENCE, listener.accept()).await;
    call.expect("the agent calls").expect("a connection").0
}

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
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    world
        .agent(&WAITS_IN_THE_MIDDLE.replace("PORT", &port.to_string()))
        .await;
    let number = world.labelled_issue().await;
    let run_id = world.run_of(number).await;
    let mut agent = called(&listener).await;
    is_at_work(&world, &run_id).await;

    // Tools and database at once, in order and then as by a crash; and the worker.
    let killed = kill_all(&world, Program::McpServer);
    world
        .lab
        .restart_database()
        .await
        .expect("the database comes back");
    is_at_work(&world, &run_id).await;
    replaced(&world, Program::McpServer, &killed).await;
    world.lab.kill_database().await.expect("the database recovers");
    is_at_work(&world, &run_id).await;
    let killed = kill_all(&world, Program::Worker);
    replaced(&world, Program::Worker, &killed).await;
    let killed = kill_all(&world, Program::McpServer);
    is_at_work(&world, &run_id).await;
    agent.write_all(b"!").await.expect("the agent still waits");
    replaced(&world, Program::McpServer, &killed).await;

    let ended = world.ended(&run_id).await;
    assert_eq!(ended.state(), "succeeded", "{:#}", ended.run);
    world.pull_request(&ended);
    assert_eq!(world.runs(number).await.len(), 1);
    eventually("one status comment", async || {
        (world.comments(number).len() == 1).then_some(())
    })
    .await;
    let seqs: Vec<_> = ended.events.iter().map(|event| event["seq"].as_u64()).collect();
    let without_gaps: Vec<_> = (1..=ended.events.len() as u64).map(Some).collect();
    assert_eq!(seqs, without_gaps);
    world.leaves_nothing().await;
    world.end().await;
}

/// The run is in the middle of its turn, as the database has it: no tool need answer now.
async fn is_at_work(world: &World, run_id: &str) {
    let run_id = run_id.parse().expect("an id");
    let system = Actor::System("story");
    let run = eventually("the database answers", async || {
        run::get(&world.orchestrator, &system, run_id).await.ok()
    })
    .await;
    assert!(matches!(run.state, RunState::Running { .. }), "{:?}", run.state);
}
