//! Many deliveries at once at one door.

use futures_util::future::join_all;
use orchestrator::delivery::{Inbox, NewDelivery};
use orchestrator::testing::TestDb;
use orchestrator::trace::TraceParent;

fn delivery(guid: &str) -> NewDelivery {
    NewDelivery {
        guid: guid.into(),
        event: "ping".into(),
        content_type: None,
        body: guid.as_bytes().to_vec(),
        traceparent: TraceParent::begin(),
    }
}

#[tokio::test]
async fn deliveries_that_come_together_are_each_kept_once_with_their_job() {
    let db = TestDb::new().await;
    let inbox = Inbox::open(&db.orchestrator().await);
    let guids: Vec<_> = (0..100).map(|n| format!("guid-{}", n % 80)).collect();
    let received = join_all(guids.iter().map(|guid| inbox.receive(delivery(guid)))).await;
    let received: Vec<_> = received.into_iter().map(|it| it.expect("kept")).collect();
    assert_eq!(received.iter().filter(|it| !it.duplicate).count(), 80);
    for (again, first) in received[80..].iter().zip(&received) {
        assert_eq!(again.delivery_id, first.delivery_id);
        assert!(again.duplicate);
    }
    let kept: Vec<(String, Vec<u8>, String)> = sqlx::query_as(
        "SELECT guid, body, job.metadata ->> 'traceparent' FROM deliveries
         JOIN river_job job ON job.args ->> 'delivery_id' = delivery_id::text
         WHERE job.metadata ->> 'traceparent' = traceparent",
    )
    .fetch_all(db.pool())
    .await
    .expect("rows");
    assert_eq!(kept.len(), 80, "a delivery, its job and their one trace");
    assert!(kept.iter().all(|(guid, body, _)| guid.as_bytes() == body));
    let transactions: i64 = sqlx::query_scalar("SELECT count(DISTINCT xmin::text) FROM deliveries")
        .fetch_one(db.pool())
        .await
        .expect("a count");
    assert!(transactions < 80, "{transactions} transactions");
    db.done().await;
}

#[tokio::test]
async fn one_that_the_database_refuses_costs_the_others_nothing() {
    let db = TestDb::new().await;
    let inbox = Inbox::open(&db.orchestrator().await);
    // PostgreSQL's text holds no NUL.
    let guids = ["one", "two", "th\0ree", "four"];
    let received = join_all(guids.map(|guid| inbox.receive(delivery(guid)))).await;
    let kept: Vec<_> = received.iter().map(Result::is_ok).collect();
    assert_eq!(kept, [true, true, false, true]);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM deliveries")
        .fetch_one(db.pool())
        .await
        .expect("a count");
    assert_eq!(rows, 3);
    db.done().await;
}

#[tokio::test]
async fn what_github_never_sends_is_refused_at_the_door() {
    let db = TestDb::new().await;
    let inbox = Inbox::open(&db.orchestrator().await);
    assert!(inbox.receive(delivery("")).await.is_err());
    assert!(inbox.receive(delivery(&"g".repeat(101))).await.is_err());
    db.done().await;
}
