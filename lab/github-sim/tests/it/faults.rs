use std::time::Instant;

use github_sim::{Effect, Fault};
use reqwest::Method;
use serde_json::json;

use crate::support::{Checkout, REPOSITORY, World};

const COMMENTS: &str = "/repos/acme/shop/issues/1/comments";
const PATTERN: &str = "/repos/*/*/issues/*/comments";

/// Arms a fault on making comments and makes one; returns the world and the answer's status and retry-after.
async fn commented(effect: Effect) -> (World, u16, String) {
    let world = World::new().await;
    let client = world.installation().await;
    world.sim.add_fault(Fault::once("POST", PATTERN, effect));
    let answer = client.post(COMMENTS, json!({"body": "hello"})).await;
    let wait = answer.header("retry-after").to_owned();
    (world, answer.status, wait)
}

fn comments(world: &World) -> usize {
    world.sim.comments(REPOSITORY, 1).expect("comments").len()
}

#[tokio::test]
async fn an_error_comes_before_or_after_the_work() {
    let (world, status, _) = commented(Effect::ErrorBefore { status: 502 }).await;
    assert_eq!((status, comments(&world)), (502, 0));
    world
        .installation()
        .await
        .post(COMMENTS, json!({"body": "again"}))
        .await
        .expect(201);
    world.end().await;
    let (world, status, _) = commented(Effect::ErrorAfter { status: 500 }).await;
    assert_eq!((status, comments(&world)), (500, 1));
    world.end().await;
}

#[tokio::test]
async fn limits_come_with_and_without_a_time() {
    let (world, status, wait) = commented(Effect::SecondaryLimit { retry_after: Some(2) }).await;
    assert_eq!((status, wait.as_str(), comments(&world)), (403, "2", 0));
    world.end().await;
    let (world, status, wait) = commented(Effect::SecondaryLimit { retry_after: None }).await;
    assert_eq!((status, wait.as_str()), (403, ""));
    world.end().await;
    let (world, status, wait) = commented(Effect::TooManyRequests { retry_after: Some(1) }).await;
    assert_eq!((status, wait.as_str()), (429, "1"));
    world.end().await;
    let (world, status, wait) = commented(Effect::TooManyRequests { retry_after: None }).await;
    assert_eq!((status, wait.as_str()), (429, ""));
    world.end().await;
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_work() {
    for (effect, left) in [(Effect::BrokenBefore, 0), (Effect::BrokenAfter, 1)] {
        let world = World::new().await;
        let client = world.installation().await;
        world.sim.add_fault(Fault::once("POST", PATTERN, effect));
        let sent = client
            .request(Method::POST, COMMENTS)
            .json(&json!({"body": "hello"}))
            .send()
            .await;
        assert!(sent.is_err(), "{sent:?}");
        assert_eq!(comments(&world), left);
        client.get(COMMENTS).await.expect(200);
        world.end().await;
    }
}

#[tokio::test]
async fn an_answer_is_slow() {
    let world = World::new().await;
    let client = world.installation().await;
    world.sim.add_fault(Fault {
        method: None,
        ..Fault::once("", "/repos/**", Effect::Slow { milliseconds: 400 })
    });
    let started = Instant::now();
    client.get("/repos/acme/shop").await.expect(200);
    assert!(started.elapsed().as_millis() >= 400);
    world.end().await;
}

#[tokio::test]
async fn a_read_is_stale_once() {
    let world = World::new().await;
    let client = world.installation().await;
    world
        .sim
        .add_fault(Fault::once("GET", PATTERN, Effect::StaleRead));
    client.post(COMMENTS, json!({"body": "new"})).await.expect(201);
    assert_eq!(client.get(COMMENTS).await.expect(200).body, json!([]));
    assert_eq!(
        client
            .get(COMMENTS)
            .await
            .expect(200)
            .body
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    world.end().await;
}

#[tokio::test]
async fn a_fault_is_armed_listed_and_disarmed_over_http() {
    let world = World::new().await;
    let control = world.nobody();
    let fault = json!({"method": "GET", "path": "/meta", "count": 2, "kind": "error_before", "status": 503});
    control.post("/_sim/faults", json!([fault])).await.expect(200);
    control.get("/meta").await.expect(503);
    assert_eq!(control.get("/_sim/faults").await.expect(200).body[0]["count"], 1);
    control.delete("/_sim/faults").await.expect(200);
    control.get("/meta").await.expect(200);
    control
        .post("/_sim/faults", json!({"path": "/meta", "kind": "nonsense"}))
        .await
        .expect(400);
    world.end().await;
}

#[tokio::test]
async fn git_meets_faults_too() {
    let world = World::new().await;
    let token = world.installation_token().await;
    let path = "/acme/shop.git/git-receive-pack";
    let checkout = Checkout::clone(&format!("{}/acme/shop.git", world.sim.url()), Some(&token))
        .await
        .expect("a clone");
    checkout.write("a.txt", "a\n");
    let sha = checkout.commit("late", "Late").await;
    world
        .sim
        .add_fault(Fault::once("POST", path, Effect::ErrorBefore { status: 503 }));
    checkout.push("late").await.expect_err("the push fails");
    world
        .sim
        .add_fault(Fault::once("POST", path, Effect::BrokenAfter));
    checkout.push("late").await.expect_err("the push seems to fail");
    let there = checkout
        .git(&["ls-remote", "origin", "late"])
        .await
        .expect("refs");
    assert!(there.starts_with(&sha), "{there}");
    world.end().await;
}
