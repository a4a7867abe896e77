//! Who gets the next slot.

use std::collections::{BTreeMap, BTreeSet};

use orchestrator::credential::MasterKey;
use orchestrator::run::{self, RunState};
use orchestrator::testing::{Seeded, TestDb, seed};
use orchestrator::{Actor, Clock, Orchestrator, project};

fn system() -> Actor {
    Actor::System("test")
}

/// 32 admitters over several connections, 3 projects, 200 runs: no slot leased twice, no project starved.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_admitters_lease_no_slot_twice_and_starve_no_project() {
    const SLOTS: i32 = 4;
    let db = TestDb::new().await;
    let key = MasterKey::generate();
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(db.orchestrator_with(Clock::default(), key.clone()).await);
    }
    let mut projects = Vec::new();
    for (number, slug) in [(1, "alpha"), (2, "beta"), (3, "gamma")] {
        projects.push(seed(&replicas[0], slug, number, SLOTS).await.unwrap());
    }
    queue_unevenly(&replicas[0], &projects).await;

    let mut admitted: BTreeMap<_, usize> = BTreeMap::new();
    let mut rounds = 0;
    while admitted.values().sum::<usize>() < 200 {
        rounds += 1;
        assert!(rounds < 100, "admission stands still at {admitted:?}");
        let run_ids = admit_with_32(&replicas).await;
        let mut slots = BTreeSet::new();
        for run_id in &run_ids {
            let run = run::get(&replicas[0], &system(), *run_id).await.unwrap();
            *admitted.entry(run.project_id).or_default() += 1;
            assert!(slots.insert(run.state.slot().unwrap()), "a slot was leased twice");
            run::cancel(&replicas[0], &system(), *run_id, None, None)
                .await
                .unwrap();
            run::pod_proven_gone(&replicas[0], run.lease()).await.unwrap();
        }
        if rounds == 5 {
            // The first project has queued ten times as much as the last: nobody waits for that.
            assert!(
                projects.iter().all(|project| admitted[&project.project_id] >= 10),
                "{admitted:?}"
            );
        }
    }
    db.done().await;
}

async fn queue_unevenly(orchestrator: &Orchestrator, projects: &[Seeded]) {
    for (project, count) in projects.iter().zip([150, 35, 15]) {
        for number in 1..=count {
            project.start(orchestrator, Some(number)).await.unwrap();
        }
    }
}

async fn admit_with_32(replicas: &[Orchestrator]) -> Vec<orchestrator::id::RunId> {
    let mut tasks = tokio::task::JoinSet::new();
    for admitter in 0..32 {
        let orchestrator = replicas[admitter % replicas.len()].clone();
        tasks.spawn(async move {
            let mut admitted = Vec::new();
            while let Some(run_id) = run::admit_next(&orchestrator).await.expect("admission works") {
                admitted.push(run_id);
            }
            admitted
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_project_that_cannot_run_stands_in_nobodys_way() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let paused = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let free = seed(&orchestrator, "beta", 2, 1).await.unwrap();
    let first = paused.start(&orchestrator, Some(1)).await.unwrap();
    project::pause(&orchestrator, &system(), paused.project_id)
        .await
        .unwrap();
    let second = free.start(&orchestrator, Some(1)).await.unwrap();
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), Some(second.run_id));
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), None);

    let why = run::explain(&orchestrator, &system(), first.run_id)
        .await
        .unwrap();
    assert_eq!(why.waits_for, Some("project_pause"));
    project::resume(&orchestrator, &system(), paused.project_id)
        .await
        .unwrap();
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), Some(first.run_id));

    let waiting = paused.start(&orchestrator, Some(2)).await.unwrap();
    let why = run::explain(&orchestrator, &system(), waiting.run_id)
        .await
        .unwrap();
    assert_eq!(why.waits_for, Some("project_limit"), "{}", why.summary);
    assert_eq!(waiting.state, RunState::Queued);
    db.done().await;
}
