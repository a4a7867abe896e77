//! Long polls: they wait for news, not longer, and hold nothing back when the process ends.

use std::time::{Duration, Instant};

use orchestrator::actor::Role;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_long_poll_answers_when_there_is_news() {
    let world = World::new().await;
    let staff = world.service_token(Role::Viewer).await;
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    let run_id = run.run_id.uuid();
    let seen = world
        .ok(&staff, "run_event_list", json!({"run_id": run_id}))
        .await;
    let after = seen["next_after"].clone();
    let began = Instant::now();
    let ask = json!({"run_id": run_id, "after": after, "wait_ms": 20_000});
    let (news, ()) = tokio::join!(world.ok(&staff, "run_event_list", ask), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.admit(run.run_id).await;
    });
    assert_eq!(news["events"][0]["kind"], "admitted", "{news}");
    assert!(began.elapsed() >= Duration::from_millis(300) && began.elapsed() < Duration::from_secs(10));
    world.db.done().await;
}

#[tokio::test]
async fn a_long_poll_ends_when_its_time_is_up() {
    let world = World::new().await;
    let staff = world.service_token(Role::Viewer).await;
    let turn = world.turn(&world.shop, 1).await;
    let run_id = turn.run.run_id.uuid();
    let began = Instant::now();
    let log = world
        .ok(&staff, "run_log_tail", json!({"run_id": run_id, "wait_ms": 400}))
        .await;
    assert_eq!((&log["text"], &log["complete"]), (&json!(""), &json!(false)));
    assert!(began.elapsed() >= Duration::from_millis(400));
    let too_long = json!({"run_id": run_id, "wait_ms": 25_001});
    assert_eq!(
        world.refused(&staff, "run_log_tail", too_long).await,
        "invalid_input"
    );
    world.db.done().await;
}

#[tokio::test]
async fn who_waits_is_answered_when_the_process_ends() {
    let world = World::new().await;
    let staff = world.service_token(Role::Viewer).await;
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    let began = Instant::now();
    let ask = json!({"run_id": run.run_id.uuid(), "after": 1_000, "wait_ms": 25_000});
    let (page, ()) = tokio::join!(world.ok(&staff, "run_event_list", ask), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.shutdown.begin();
    });
    assert_eq!(page["events"], json!([]));
    assert!(began.elapsed() < Duration::from_secs(10));
    world.db.done().await;
}

/// Waiting holds no connection of the pool: ten of them, and sixty waiters.
#[tokio::test]
async fn many_waiters_leave_room_for_others() {
    let world = World::new().await;
    let staff = world.service_token(Role::Viewer).await;
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    let ask = json!({"run_id": run.run_id.uuid(), "after": 1_000, "wait_ms": 5_000});
    let waiters = (0..60).map(|_| world.ok(&staff, "run_event_list", ask.clone()));
    let waiting = futures_util::future::join_all(waiters);
    let other = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        world
            .ok(&staff, "run_get", json!({"run_id": run.run_id.uuid()}))
            .await;
        began.elapsed()
    };
    let (_, took) = tokio::join!(waiting, other);
    assert!(took < Duration::from_secs(2), "{took:?}");
    world.db.done().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up_and_says_so() {
    let world = World::with(|config| config.call_seconds = 1).await;
    let staff = world.service_token(Role::Viewer).await;
    let run = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    let began = Instant::now();
    let ask = json!({"run_id": run.run_id.uuid(), "after": 1_000, "wait_ms": 20_000});
    let answer = world.call(&staff, "run_event_list", ask).await;
    let failure = &answer["result"]["structuredContent"];
    assert_eq!(failure["code"], "unavailable", "{answer}");
    assert!(
        failure["message"]
            .as_str()
            .expect("text")
            .contains("longer than 1 s"),
        "{failure}"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
    world.db.done().await;
}
