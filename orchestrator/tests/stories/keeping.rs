//! What is kept, for how long, and how it goes.

use jiff::SignedDuration;
use orchestrator::credential::MasterKey;
use orchestrator::testing::{TestDb, admit_and_run, seed, supervisor_of};
use orchestrator::{Actor, Clock, Error, idempotency, run};
use sqlx::PgPool;

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_key_means_the_same_call_for_a_day() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let start = |number: i64| {
        let key = idempotency::Key::new("run_start", "k", &number).unwrap();
        let new = project.new_run(Some(number));
        run::start(&orchestrator, &project.maintainer, new, Some(key))
    };
    let first = start(1).await.unwrap();
    clock.advance(SignedDuration::from_hours(23));
    assert_eq!(start(1).await.unwrap().run_id, first.run_id);
    assert!(matches!(start(2).await, Err(Error::IdempotencyMismatch)));
    clock.advance(SignedDuration::from_hours(1));
    let second = start(2).await.unwrap();
    assert_ne!(second.run_id, first.run_id);
    assert_eq!(start(2).await.unwrap().run_id, second.run_id);
    db.done().await;
}

#[tokio::test]
async fn what_is_old_goes_however_much_there_is_of_it() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(1)).await.unwrap();
    let old = admit_and_run(&orchestrator).await.unwrap();
    sqlx::query(
        "INSERT INTO run_log_pieces SELECT $1, 1, 'agent', n, 'x', now() FROM generate_series(0, 4500) n",
    )
    .bind(old.run_id.uuid())
    .execute(db.pool())
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO idempotency_keys SELECT 'p', 't', n::text, 'h', '1', now() FROM generate_series(1, 4500) n",
    )
    .execute(db.pool())
    .await
    .unwrap();
    run::cancel(&orchestrator, &project.maintainer, old.run_id, None, None)
        .await
        .unwrap();
    run::pod_proven_gone(&orchestrator, old.lease()).await.unwrap();
    clock.advance(SignedDuration::from_hours(24 * 31));
    project.start(&orchestrator, Some(2)).await.unwrap();
    let live = admit_and_run(&orchestrator).await.unwrap();
    run::append_log(&orchestrator, &supervisor_of(&live), "agent", 0, "new")
        .await
        .unwrap();
    run::sweep(&orchestrator).await.unwrap();
    assert_eq!(count(db.pool(), "SELECT count(*) FROM run_log_pieces").await, 1);
    assert_eq!(idempotency::sweep(&orchestrator).await.unwrap(), 4500);
    orchestrator::credential::sweep(&orchestrator).await.unwrap();
    let tokens = count(db.pool(), "SELECT count(*) FROM access_tokens").await;
    assert_eq!(tokens, 2, "those of the turn that lives");
    db.done().await;
}

#[tokio::test]
async fn a_retry_lets_in_the_same_text_that_a_trusted_hand_let_in() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let mut new = project.new_run(Some(1));
    new.issue_text_sha256 = Some("ab".repeat(32));
    let first = run::start(&orchestrator, &Actor::System("test"), new, None)
        .await
        .unwrap();
    run::cancel(&orchestrator, &project.maintainer, first.run_id, None, None)
        .await
        .unwrap();
    let again = run::retry(&orchestrator, &project.maintainer, first.run_id, None).await;
    assert_eq!(again.unwrap().issue_text_sha256, first.issue_text_sha256);
    db.done().await;
}
