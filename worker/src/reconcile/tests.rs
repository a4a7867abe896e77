use orchestrator::id::TokenId;
use orchestrator::testing::TestDb;

use super::*;

/// What a part stumbles over is its own: the others are done all the same.
#[tokio::test]
async fn a_part_that_fails_stops_no_other() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let key = "INSERT INTO idempotency_keys (principal, tool, idempotency_key, arguments_sha256, answer, created_at)
               VALUES ($1, 'run_start', 'k', 'x', '1', now() - interval '30 days')";
    sqlx::query(key)
        .bind(TokenId::new().to_string())
        .execute(db.pool())
        .await
        .expect("an old key");
    sqlx::query("ALTER TABLE access_tokens RENAME TO away")
        .execute(db.pool())
        .await
        .expect("a broken part");
    credential::sweep(&orchestrator).await.expect_err("it is broken");
    forget(orchestrator).await.expect("the rest is done");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM idempotency_keys")
        .fetch_one(db.pool())
        .await
        .expect("a count");
    assert_eq!(left, 0);
    db.done().await;
}
