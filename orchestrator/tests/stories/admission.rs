//! Who gets the next slot.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use orchestrator::approval::{self, WaitKind};
use orchestrator::credential::MasterKey;
use orchestrator::id::WaitId;
use orchestrator::run::{self, Parked, Run, RunState, Snapshot};
use orchestrator::slot;
use orchestrator::testing::{Seeded, TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Clock, Orchestrator, project};

fn system() -> Actor {
    Actor::System("test")
}

/// 32 admitters over several connections, 3 projects, 200 runs and room for 4: no slot leased twice, and of each round
/// every project that waits gets its part.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_admitters_lease_no_slot_twice_and_starve_no_project() {
    const SLOTS: i32 = 4;
    let db = TestDb::new().await;
    let key = MasterKey::generate();
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(db.orchestrator_with(Clock::default(), key.clone()).await);
    }
    sqlx::query("UPDATE platform SET max_live_runs = 4")
        .execute(db.pool())
        .await
        .unwrap();
    let mut waiting = BTreeMap::new();
    for (number, slug, runs) in [(1, "alpha", 150), (2, "beta", 35), (3, "gamma", 15)] {
        let project = seed(&replicas[0], slug, number, SLOTS).await.unwrap();
        for number in 1..=runs {
            project.start(&replicas[0], Some(number)).await.unwrap();
        }
        waiting.insert(project.project_id, usize::try_from(runs).unwrap());
    }
    let mut rounds = 0;
    while waiting.values().sum::<usize>() > 0 {
        rounds += 1;
        assert!(rounds < 100, "admission stands still at {waiting:?}");
        let run_ids = admit_with_32(&replicas).await;
        let mut slots = BTreeSet::new();
        let mut admitted: BTreeMap<_, usize> = BTreeMap::new();
        for run_id in &run_ids {
            let run = run::get(&replicas[0], &system(), *run_id).await.unwrap();
            *admitted.entry(run.project_id).or_default() += 1;
            assert!(slots.insert(run.state.slot().unwrap()), "a slot was leased twice");
            run::cancel(&replicas[0], &system(), *run_id, None, None)
                .await
                .unwrap();
            run::pod_proven_gone(&replicas[0], run.lease()).await.unwrap();
        }
        assert_eq!(
            run_ids.len(),
            waiting.values().sum::<usize>().min(4),
            "room is used"
        );
        for (project_id, left) in &mut waiting {
            let got = admitted.get(project_id).copied().unwrap_or(0);
            assert!(*left == 0 || got >= 1, "a round passed a project that waits by");
            *left -= got;
        }
    }
    db.done().await;
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

async fn parked(orchestrator: &Orchestrator, run: &Run) -> WaitId {
    let snapshot = Snapshot {
        session: "s".into(),
        path: "p".into(),
        sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
        data: vec![],
    };
    run::put_snapshot(orchestrator, &supervisor_of(run), &snapshot)
        .await
        .unwrap();
    let day = SignedDuration::from_hours(24);
    let wait = approval::ask(orchestrator, &agent_of(run), WaitKind::Question, "?", day)
        .await
        .unwrap();
    let parked = run::park(orchestrator, &supervisor_of(run)).await.unwrap();
    assert!(matches!(parked, Parked::Parked));
    wait.wait_id
}

async fn answer(orchestrator: &Orchestrator, project: &Seeded, wait_id: WaitId) {
    approval::answer(orchestrator, &project.maintainer, wait_id, "yes")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_turn_whose_hold_ended_does_not_block_one_whose_slot_is_kept() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    project.start(&orchestrator, Some(1)).await.unwrap();
    let first = admit_and_run(&orchestrator).await.unwrap();
    let first_wait = parked(&orchestrator, &first).await;
    clock.advance(slot::HOLD);
    assert_eq!(slot::end_holds(&orchestrator).await.unwrap(), 1);
    run::pod_proven_gone(&orchestrator, first.lease()).await.unwrap();

    project.start(&orchestrator, Some(2)).await.unwrap();
    let second = admit_and_run(&orchestrator).await.unwrap();
    let second_wait = parked(&orchestrator, &second).await;
    let held = slot::unproven(&orchestrator, 10).await.unwrap();
    assert_eq!(held.len(), 1, "the pod of the held slot is to be proven gone too");
    assert_eq!(held[0].lease, second.lease());
    run::pod_proven_gone(&orchestrator, second.lease()).await.unwrap();
    assert!(slot::unproven(&orchestrator, 10).await.unwrap().is_empty());
    project.start(&orchestrator, Some(3)).await.unwrap();
    admit_and_run(&orchestrator).await.unwrap();

    answer(&orchestrator, &project, first_wait).await;
    answer(&orchestrator, &project, second_wait).await;
    assert_eq!(
        run::admit_next(&orchestrator).await.unwrap(),
        Some(second.run_id),
        "its own slot is there, and nobody else may have it"
    );
    db.done().await;
}

#[tokio::test]
async fn what_nobody_could_prove_for_long_is_asked_for_last() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 4).await.unwrap();
    let mut runs = Vec::new();
    for number in 1..=4 {
        project.start(&orchestrator, Some(number)).await.unwrap();
        runs.push(admit_and_run(&orchestrator).await.unwrap());
    }
    for run in &runs[..3] {
        run::cancel(&orchestrator, &system(), run.run_id, None, None)
            .await
            .unwrap();
    }
    clock.advance(slot::QUARANTINE_AFTER);
    for draining in slot::unproven(&orchestrator, 10).await.unwrap() {
        slot::proof_missing(&orchestrator, draining.slot_id, draining.lease, "no answer")
            .await
            .unwrap();
    }
    run::cancel(&orchestrator, &system(), runs[3].run_id, None, None)
        .await
        .unwrap();
    for _ in 0..5 {
        let first = slot::unproven(&orchestrator, 1).await.unwrap();
        assert_eq!(first[0].lease.run_id, runs[3].run_id);
    }
    db.done().await;
}
