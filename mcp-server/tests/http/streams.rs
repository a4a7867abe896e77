//! What stays open: subscriptions, progress; and what does not wait for it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use orchestrator::actor::{Actor, Role};
use orchestrator::run;
use orchestrator::testing::{seed, supervisor_of};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::world::World;

/// The messages of a stream as they come.
struct Messages {
    response: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    text: String,
}

impl Messages {
    fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self {
            response: Box::pin(response.bytes_stream()),
            text: String::new(),
        }
    }

    /// The next message; none at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let data = line
                    .trim_end()
                    .strip_prefix("data:")
                    .map(str::trim)
                    .map(str::to_owned);
                let rest = rest.to_owned();
                self.text = rest;
                match data {
                    Some(data) if !data.is_empty() => {
                        return Some(serde_json::from_str(&data).expect("JSON"));
                    }
                    _ => continue,
                }
            }
            let piece = self.response.next().await?.ok()?;
            self.text.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }

    async fn soon(&mut self, seconds: u64) -> Option<Value> {
        timeout(Duration::from_secs(seconds), self.next())
            .await
            .expect("in time")
    }
}

async fn listen(world: &World, token: &str, uris: &[String]) -> Response {
    let ask = json!({"notifications": {"resourceSubscriptions": uris}});
    let request = world.modern_request(token, "subscriptions/listen", ask);
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn news_of_a_run_are_told_to_those_who_may_see_it() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let bank = seed(&world.orchestrator, "bank", 2, 4).await.expect("a project");
    let foreign = bank
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run")
        .run_id;
    let own = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run")
        .run_id;
    let uris = [foreign, own].map(|id| format!("run://{id}"));
    let mut heard = Messages::of(listen(&world, &token, &uris).await);
    let first = heard.soon(5).await.expect("an acknowledgement");
    assert_eq!(
        first["method"], "notifications/subscriptions/acknowledged",
        "{first}"
    );
    // It may have changed before anybody listened.
    let look = heard.soon(10).await.expect("a first look");
    assert_eq!(look["params"]["uri"], json!(uris[1]), "{look}");
    let system = Actor::System("test");
    for id in [foreign, own] {
        run::cancel(&world.orchestrator, &system, id, None, None)
            .await
            .expect("an end");
    }
    let news = heard.soon(10).await.expect("news");
    assert_eq!(news["method"], "notifications/resources/updated", "{news}");
    assert_eq!(
        news["params"]["uri"],
        json!(uris[1]),
        "the other is somebody else's"
    );
    assert!(
        timeout(Duration::from_secs(2), heard.next()).await.is_err(),
        "nothing more"
    );
    world.db.done().await;
}

#[tokio::test]
async fn news_of_lists_are_told_to_those_who_may_read_them() {
    let world = World::new().await;
    let person = world.person_token(Some(Role::Viewer)).await;
    let bank = seed(&world.orchestrator, "bank", 2, 4).await.expect("a project");
    let own = format!("project://{}/runs", world.shop.project_id);
    let uris = [
        own.clone(),
        format!("project://{}/runs", bank.project_id),
        format!("project://{}/slots", world.shop.project_id),
        format!("project://{}/runs", uuid::Uuid::now_v7()),
        "inbox://own".to_owned(),
    ];
    let mut heard = Messages::of(listen(&world, &person, &uris).await);
    let first = heard.soon(5).await.expect("an acknowledgement");
    assert_eq!(
        first["method"], "notifications/subscriptions/acknowledged",
        "{first}"
    );
    let mut told = async || {
        let one = heard.soon(10).await.expect("news");
        let other = heard.soon(10).await.expect("news");
        assert!(
            timeout(Duration::from_secs(2), heard.next()).await.is_err(),
            "nothing more"
        );
        let mut uris = [one, other].map(|said| said["params"]["uri"].as_str().unwrap_or_default().to_owned());
        uris.sort();
        uris
    };
    let expected = ["inbox://own".to_owned(), own.clone()];
    assert_eq!(told().await, expected, "a first look; a viewer reads no slots");
    bank.start(&world.orchestrator, Some(1)).await.expect("a run");
    world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run");
    assert_eq!(told().await, expected);
    bank.start(&world.orchestrator, Some(2)).await.expect("a run");
    assert!(
        timeout(Duration::from_secs(5), heard.next()).await.is_err(),
        "another's project is not heard of"
    );
    world.db.done().await;
}

/// A run's token is revoked when its turn ends: its stream ends too.
#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    let uri = format!("run://{}", turn.run.run_id);
    let mut heard = Messages::of(listen(&world, &turn.agent, &[uri]).await);
    heard.soon(5).await.expect("an acknowledgement");
    let system = Actor::System("test");
    run::cancel(&world.orchestrator, &system, turn.run.run_id, None, None)
        .await
        .expect("an end");
    let revoked = Instant::now();
    while let Some(message) = heard.soon(6).await {
        // An agent has no tool that reads runs, so it hears nothing of its own.
        assert_ne!(message["method"], "notifications/resources/updated", "{message}");
    }
    assert!(revoked.elapsed() < Duration::from_secs(5));
    world.db.done().await;
}

#[tokio::test]
async fn one_caller_has_few_streams() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let own = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run")
        .run_id;
    let uris = [format!("run://{own}")];
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(listen(&world, &token, &uris).await);
    }
    assert!(open.iter().all(|stream| stream.status() == StatusCode::OK));
    let refused = listen(&world, &token, &uris).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    world.ok(&token, "principal_get", json!({})).await;
    drop(open);
    let mut status = StatusCode::TOO_MANY_REQUESTS;
    for _ in 0..50 {
        status = listen(&world, &token, &uris).await.status();
        if status == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status, StatusCode::OK, "who goes leaves the place");
    world.db.done().await;
}

#[tokio::test]
async fn a_call_that_waits_says_so_to_who_asked() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let own = world
        .shop
        .start(&world.orchestrator, Some(1))
        .await
        .expect("a run")
        .run_id;
    let ask = json!({"name": "run_event_list", "arguments": {"run_id": own, "after": 100, "wait_ms": 7000},
        "_meta": {"progressToken": "p"}});
    let response = world
        .modern_request(&token, "tools/call", ask)
        .send()
        .await
        .expect("an answer");
    let mut heard = Messages::of(response);
    let mut steps = Vec::new();
    let answer = loop {
        let message = heard.soon(10).await.expect("a message");
        if message["method"] != "notifications/progress" {
            break message;
        }
        assert_eq!(message["params"]["progressToken"], "p");
        steps.push(message["params"]["progress"].as_f64().expect("a number"));
    };
    assert!(steps.len() >= 2 && steps.is_sorted(), "{steps:?}");
    assert_eq!(
        answer["result"]["structuredContent"]["events"],
        json!([]),
        "{answer}"
    );
    world.db.done().await;
}

/// Nobody answers for GitHub: those who ask it wait, and those who read do not.
#[tokio::test]
async fn a_dependency_that_is_silent_slows_no_read() {
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    run::heartbeat(&world.orchestrator, &supervisor_of(&turn.run))
        .await
        .expect("a heartbeat");
    let staff = world.service_token(Role::Viewer).await;
    let waiting = (0..20).map(|_| world.call(&turn.agent, "issue_get", json!({})));
    let reading = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let began = Instant::now();
        for _ in 0..20 {
            world.ok(&staff, "run_list", json!({})).await;
        }
        began.elapsed()
    };
    let (waited, read) = tokio::join!(join_all(waiting), reading);
    assert!(read < Duration::from_secs(5), "{read:?}");
    for answer in waited {
        assert_eq!(
            answer["result"]["structuredContent"]["code"], "unavailable",
            "{answer}"
        );
    }
    world.db.done().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let world = World::with(|config| config.calls_per_second = 1).await;
    let (busy, other) = (
        world.service_token(Role::Viewer).await,
        world.service_token(Role::Admin).await,
    );
    let mut refused = None;
    for _ in 0..20 {
        let answer = world.call(&busy, "principal_get", json!({})).await;
        if answer["result"]["isError"] == true {
            refused = Some(answer["result"]["structuredContent"].clone());
            break;
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(refused["code"], "rate_limited");
    assert!(
        refused["retry_after_ms"]
            .as_u64()
            .is_some_and(|wait| (1..=1000).contains(&wait)),
        "{refused}"
    );
    let list = world.legacy(&busy, "tools/list", json!({})).await;
    assert_eq!(list["error"]["data"]["code"], "rate_limited", "{list}");
    world.ok(&other, "principal_get", json!({})).await;
    world.db.done().await;
}

#[tokio::test]
async fn who_comes_without_a_token_again_and_again_is_slowed() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let mut statuses = Vec::new();
    for _ in 0..400 {
        let response = world
            .request(reqwest::Method::POST, Some("nonsense"))
            .send()
            .await
            .expect("an answer");
        statuses.push(response.status());
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            let said: Value = response.json().await.expect("JSON");
            assert_eq!(said["code"], "rate_limited");
            assert!(said["retry_after_ms"].is_u64());
            break;
        }
    }
    assert_eq!(statuses.first(), Some(&StatusCode::UNAUTHORIZED));
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
    // A token that counts is let in from the same address.
    world.ok(&token, "principal_get", json!({})).await;
    world.db.done().await;
}
