//! Those who wait are told, also when the one who tells them was away.

use std::time::Duration;

use orchestrator::postgres::listen::Topic;
use orchestrator::testing::TestDb;
use tokio::time::Instant;

const LISTENERS: &str = "SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND query LIKE 'LISTEN %'";

#[tokio::test]
async fn a_lost_connection_wakes_everybody_once_it_is_back() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let mut ear = orchestrator.notices().subscribe();
    let soon = || Instant::now() + Duration::from_mins(1);
    assert!(
        ear.changed(Topic::Run, "any", soon()).await,
        "it listens from now on"
    );
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    sqlx::query(end).execute(db.pool()).await.unwrap();
    // Nothing is said about it, yet it may have been said while nobody listened.
    assert!(ear.changed(Topic::Run, "any", soon()).await);
    let listening: i64 = sqlx::query_scalar(LISTENERS).fetch_one(db.pool()).await.unwrap();
    assert_eq!(listening, 1);
    orchestrator.close().await;
    db.done().await;
}
