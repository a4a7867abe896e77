//! How a run's result is proven, and how long that may take.

use jiff::SignedDuration;
use orchestrator::credential::MasterKey;
use orchestrator::run::{self, FinishReport, Proof, Run, RunState};
use orchestrator::testing::{TestDb, admit_and_run, seed, supervisor_of};
use orchestrator::{Actor, Clock, Error, Orchestrator};

const SHA: &str = "0123456789012345678901234567890123456789";

fn system() -> Actor {
    Actor::System("test")
}

fn unseen() -> Proof {
    Proof::Unseen {
        sub_reason: "branch_without_commit",
        detail: "it points to nothing".into(),
    }
}

async fn finishing(orchestrator: &Orchestrator) -> Run {
    let project = seed(orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(orchestrator).await.unwrap();
    let report = FinishReport {
        head_sha: Some(SHA.into()),
        ..FinishReport::default()
    };
    run::finish(orchestrator, &supervisor_of(&run), report)
        .await
        .unwrap();
    run
}

async fn state_of(orchestrator: &Orchestrator, run: &Run) -> RunState {
    run::get(orchestrator, &system(), run.run_id).await.unwrap().state
}

#[tokio::test]
async fn what_is_not_seen_at_once_may_be_seen_later() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let run = finishing(&orchestrator).await;
    let settle = |proof| run::settle(&orchestrator, run.run_id, proof);
    assert!(!settle(unseen()).await.unwrap());
    assert_eq!(state_of(&orchestrator, &run).await, RunState::Finishing);
    clock.advance(SignedDuration::from_mins(5));
    assert!(settle(unseen()).await.unwrap());
    let RunState::Failed(failure) = state_of(&orchestrator, &run).await else {
        panic!("five minutes are enough")
    };
    assert_eq!(failure.to_string(), "output_invalid: branch_without_commit");
    db.done().await;
}

#[tokio::test]
async fn why_a_result_is_not_proven_is_told_once_for_each_reason() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let run = finishing(&orchestrator).await;
    for why in ["it is away", "it is away", "403, suspended", "403, suspended"] {
        let proof = Proof::NoAnswer(why.into());
        assert!(!run::settle(&orchestrator, run.run_id, proof).await.unwrap());
    }
    let (events, _) = run::events(&orchestrator, &system(), run.run_id, 0)
        .await
        .unwrap();
    let told = events.iter().filter(|event| event.kind == "unproven");
    assert_eq!(told.count(), 2);
    let why = run::explain(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(why.notes[0], "at the last look: 403, suspended");
    clock.advance(SignedDuration::from_hours(24));
    let proof = Proof::NoAnswer("403, suspended".into());
    assert!(run::settle(&orchestrator, run.run_id, proof).await.unwrap());
    db.done().await;
}

#[tokio::test]
async fn a_path_that_cannot_be_kept_is_refused_with_a_reason() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    // Of all letters, so that no compression makes it short.
    let path = |bytes: usize| -> String {
        (0_u32..)
            .map(|n| char::from_digit(n.wrapping_mul(2_654_435_761) >> 27, 36).unwrap_or('z'))
            .take(bytes)
            .collect()
    };
    let report = |bytes| FinishReport {
        head_sha: Some(SHA.into()),
        changes: vec![run::Change {
            path: path(bytes),
            change: "added".into(),
        }],
        ..FinishReport::default()
    };
    let supervisor = supervisor_of(&run);
    let refused = run::finish(&orchestrator, &supervisor, report(3000)).await;
    assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
    let taken = run::finish(&orchestrator, &supervisor, report(2048)).await;
    assert_eq!(taken.unwrap(), RunState::Finishing);
    db.done().await;
}
