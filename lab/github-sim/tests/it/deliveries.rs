use std::time::Duration;

use github_sim::{DeliveryEffect, DeliveryFault};
use serde_json::json;

use crate::support::{REPOSITORY, SECRET, World, signature};

#[tokio::test]
async fn a_delivery_is_signed_and_named_like_githubs() {
    let world = World::new().await;
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("a label");
    world.events().await;
    let got = world.hooks.got().remove(0);
    assert_eq!(got.header("x-hub-signature-256"), signature(SECRET, &got.bytes));
    assert!(got.header("x-hub-signature").starts_with("sha1="));
    assert!(got.header("user-agent").starts_with("GitHub-Hookshot/"));
    assert_eq!(got.header("x-github-event"), "issues");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(
        got.header("x-github-hook-installation-target-type"),
        "integration"
    );
    assert_eq!(got.header("x-github-hook-installation-target-id"), "1000001");
    assert!(!got.header("x-github-hook-id").is_empty());
    uuid::Uuid::parse_str(got.header("x-github-delivery")).expect("a GUID");
    world.end().await;
}

#[tokio::test]
async fn a_failed_delivery_is_listed_not_retried_and_sent_again_under_its_guid() {
    let world = World::new().await;
    world.hooks.behave(500, Duration::ZERO);
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("a label");
    assert_eq!(world.events().await.len(), 1);
    world.hooks.behave(202, Duration::ZERO);
    let failed = world
        .app()
        .get("/app/hook/deliveries?status=failure")
        .await
        .expect(200);
    assert_eq!(
        (&failed.body[0]["status_code"], &failed.body[0]["action"]),
        (&json!(500), &json!("labeled"))
    );
    let path = format!("/app/hook/deliveries/{}", failed.body[0]["id"]);
    let one = world.app().get(&path).await.expect(200);
    assert_eq!(one.body["request"]["payload"]["label"]["name"], "run:dev");
    world
        .app()
        .post(&format!("{path}/attempts"), json!({}))
        .await
        .expect(202);
    assert_eq!(world.events().await.len(), 2);
    let got = world.hooks.got();
    assert_eq!(
        got[0].header("x-github-delivery"),
        got[1].header("x-github-delivery")
    );
    assert_eq!(got[0].bytes, got[1].bytes);
    let all = world
        .app()
        .get("/app/hook/deliveries?per_page=1")
        .await
        .expect(200);
    assert_eq!(
        (&all.body[0]["redelivery"], &all.body[0]["status"]),
        (&json!(true), &json!("OK"))
    );
    let next = all
        .header("link")
        .split(['<', '>'])
        .nth(1)
        .expect("a next page")
        .to_owned();
    let next = world
        .app()
        .get(next.trim_start_matches(world.sim.url()))
        .await
        .expect(200);
    assert_eq!(next.body[0]["id"], failed.body[0]["id"]);
    world.end().await;
}

#[tokio::test]
async fn a_receiver_that_is_not_there_fails_the_delivery() {
    let world = World::new().await;
    world
        .sim
        .set_webhook("http://127.0.0.1:1/webhooks/github", SECRET);
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("a label");
    assert_eq!(world.events().await.len(), 0);
    let failed = &world.sim.deliveries()[0];
    assert_eq!(
        (failed.status.as_str(), failed.status_code),
        ("failed to connect to host", 0)
    );
    world.app().get("/app/hook/deliveries").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_slow_receiver_is_given_up_after_ten_seconds() {
    let world = World::new().await;
    world.hooks.behave(202, Duration::from_secs(15));
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("a label");
    world.events().await;
    let failed = &world.sim.deliveries()[0];
    assert_eq!(failed.status, "timed out");
    assert!(
        (9.0..12.0).contains(&failed.duration_seconds),
        "{}",
        failed.duration_seconds
    );
    world.end().await;
}

async fn with_fault(effect: DeliveryEffect) -> World {
    let world = World::new().await;
    world
        .sim
        .add_delivery_fault(DeliveryFault::once("issues", "labeled", effect));
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("a label");
    world
        .sim
        .comment(REPOSITORY, 1, "next", "alice")
        .expect("a comment");
    world
}

#[tokio::test]
async fn deliveries_are_duplicated_reordered_delayed_and_dropped() {
    let world = with_fault(DeliveryEffect::Duplicate).await;
    assert_eq!(
        world.events().await,
        ["issues.labeled", "issues.labeled", "issue_comment.created"]
    );
    assert_eq!(
        world.hooks.got()[0].header("x-github-delivery"),
        world.hooks.got()[1].header("x-github-delivery")
    );
    world.end().await;

    let world = with_fault(DeliveryEffect::Reorder).await;
    assert_eq!(world.events().await, ["issue_comment.created", "issues.labeled"]);
    world.end().await;

    let world = with_fault(DeliveryEffect::Delay { milliseconds: 300 }).await;
    assert_eq!(world.events().await, ["issue_comment.created", "issues.labeled"]);
    world.end().await;

    let world = with_fault(DeliveryEffect::Drop).await;
    assert_eq!(world.events().await, ["issue_comment.created"]);
    assert_eq!(world.sim.deliveries()[0].status_code, 0);
    world.end().await;
}

#[tokio::test]
async fn deliveries_are_forged_unsigned_old_and_unknown() {
    let world = with_fault(DeliveryEffect::ForgedSignature).await;
    world.events().await;
    let got = world.hooks.got().remove(0);
    assert_ne!(got.header("x-hub-signature-256"), signature(SECRET, &got.bytes));
    assert!(got.header("x-hub-signature-256").starts_with("sha256="));
    world.end().await;

    let world = with_fault(DeliveryEffect::Unsigned).await;
    world.events().await;
    let got = world.hooks.got().remove(0);
    assert_eq!(
        (got.header("x-hub-signature-256"), got.header("x-hub-signature")),
        ("", "")
    );
    world.end().await;

    let world = with_fault(DeliveryEffect::Sha1Only).await;
    world.events().await;
    let got = world.hooks.got().remove(0);
    assert_eq!(
        (
            got.header("x-hub-signature-256"),
            got.header("x-hub-signature").len()
        ),
        ("", 45)
    );
    world.end().await;

    let world = with_fault(DeliveryEffect::UnknownAction).await;
    assert_eq!(world.events().await[0], "issues.simulated");
    world.end().await;

    let world = with_fault(DeliveryEffect::FormEncoded).await;
    world.events().await;
    let got = world.hooks.got().remove(0);
    assert!(got.bytes.starts_with(b"payload=%7B"));
    assert_eq!(got.header("x-hub-signature-256"), signature(SECRET, &got.bytes));
    world.end().await;
}

#[tokio::test]
async fn any_payload_can_be_delivered() {
    let world = World::new().await;
    let guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
    let body = json!({"event": "ping", "payload": {"zen": "Keep it logically awesome."}, "guid": guid});
    world
        .nobody()
        .post("/_sim/deliver", body.clone())
        .await
        .expect(200);
    world.nobody().post("/_sim/deliver", body).await.expect(200);
    assert_eq!(world.events().await, ["ping", "ping"]);
    assert_eq!(world.hooks.got()[1].header("x-github-delivery"), guid);
    world.end().await;
}

#[tokio::test]
async fn the_webhook_is_set_by_the_app_and_its_secret_is_never_shown() {
    let world = World::new().await;
    let config = world.app().get("/app/hook/config").await.expect(200);
    assert_eq!(config.body["url"], world.hooks.url());
    world
        .app()
        .patch("/app/hook/config", json!({"secret": "another one"}))
        .await
        .expect(200);
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("a label");
    world.events().await;
    let got = world.hooks.got().remove(0);
    assert_eq!(
        got.header("x-hub-signature-256"),
        signature("another one", &got.bytes)
    );
    let log = world.nobody().get("/_sim/log").await.expect(200);
    assert!(!log.text.contains("another one") && log.text.contains("********"));
    world.end().await;
}

#[tokio::test]
async fn a_slow_answer_holds_up_nothing_behind_it() {
    let world = World::with(|config| config.webhooks_at_once = 4).await;
    world.hooks.behave(202, Duration::from_mins(1));
    for _ in 0..2 {
        for on in [true, false] {
            let sim = &world.sim;
            let done = if on {
                sim.label_issue(REPOSITORY, 1, "run:dev", "alice")
            } else {
                sim.unlabel_issue(REPOSITORY, 1, "run:dev", "alice")
            };
            done.expect("a click");
        }
    }
    // None of the four is answered, and each is given up only after ten seconds: one by one, the last would come after thirty.
    let all_came = async {
        while world.hooks.got().len() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(25), all_came)
        .await
        .expect("all are under way at once");
    world.end().await;
}
