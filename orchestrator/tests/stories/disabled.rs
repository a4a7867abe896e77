//! A person who lost all rights starts nothing any more, however close the two come.

use std::time::Duration;

use orchestrator::run::jobs::StartRunner;
use orchestrator::run::{self, RunState};
use orchestrator::testing::{AUDIENCE, TestDb, admit_and_run, seed};
use orchestrator::{Actor, Error, identity};

fn system() -> Actor {
    Actor::System("test")
}

/// The one who disables holds the person's row; the start comes in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_a_disabling_in_progress_and_is_refused() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let mut disabling = db.pool().begin().await.unwrap();
    sqlx::query("UPDATE people SET disabled_at = now() WHERE person_id = $1")
        .bind(project.person_id.uuid())
        .execute(&mut *disabling)
        .await
        .unwrap();
    let starting = tokio::spawn({
        let (orchestrator, project) = (orchestrator.clone(), project.clone());
        async move { project.start(&orchestrator, Some(7)).await }
    });
    loop {
        let waits: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(db.pool())
        .await
        .unwrap();
        if waits > 0 || starting.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    disabling.commit().await.unwrap();
    let refused = starting.await.unwrap();
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    db.done().await;
}

#[tokio::test]
async fn neither_a_retry_nor_a_waiting_turn_lends_a_disabled_persons_rights() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let over = admit_and_run(&orchestrator).await.unwrap();
    run::cancel(&orchestrator, &project.maintainer, over.run_id, None, None)
        .await
        .unwrap();
    run::pod_proven_gone(&orchestrator, over.lease()).await.unwrap();

    let queued = project.start(&orchestrator, Some(8)).await.unwrap();
    run::admit_next(&orchestrator).await.unwrap();
    let admitted = run::get(&orchestrator, &system(), queued.run_id).await.unwrap();
    // As if the row were an older version's: nothing cancelled the run.
    sqlx::query("UPDATE people SET disabled_at = now() WHERE person_id = $1")
        .bind(project.person_id.uuid())
        .execute(db.pool())
        .await
        .unwrap();
    let job = StartRunner {
        run_id: admitted.run_id,
        turn: admitted.turn,
        fence: admitted.fence,
    };
    let wanted = run::want_pod(&orchestrator, AUDIENCE, &job, None).await;
    assert!(matches!(wanted, Err(Error::Conflict(_))));
    let ended = run::get(&orchestrator, &system(), queued.run_id).await.unwrap();
    let RunState::Failed(failure) = ended.state else {
        panic!("{}", ended.state)
    };
    assert_eq!(failure.to_string(), "precondition: starter_disabled");

    let retried = run::retry(&orchestrator, &system(), over.run_id, None).await;
    assert!(matches!(retried, Err(Error::Forbidden(_))), "{retried:?}");
    let person = identity::disable(&orchestrator, &system(), project.person_id).await;
    assert!(person.unwrap().disabled_at.is_some());
    db.done().await;
}
