//! Connections that the server ended, as a restart of it does.

use std::time::Duration;

use futures_util::future::join_all;
use orchestrator::testing::TestDb;

#[tokio::test]
async fn connections_that_broke_while_they_rested_fail_nobody() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let calls = || join_all((0..8).map(|_| orchestrator.check()));
    assert!(calls().await.iter().all(Result::is_ok));
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'codex-k8s'",
    )
    .execute(db.pool())
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    for answer in calls().await {
        answer.unwrap();
    }
    orchestrator.close().await;
    db.done().await;
}
