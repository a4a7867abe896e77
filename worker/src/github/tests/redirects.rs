//! Addresses that move.

use orchestrator::ports::code_host::{CodeHost, CodeHostError};
use rstest::rstest;
use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use super::world::{World, a_comment, an_issue, answer, here};

const ISSUE: &str = "/repos/acme/shop/issues/5";

fn moved(status: u16, to: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("location", to)
}

#[rstest]
#[case(301)]
#[case(302)]
#[case(307)]
#[case(308)]
#[tokio::test]
async fn a_renamed_repository_is_followed_with_method_and_body(#[case] status: u16) {
    let world = World::new().await;
    let to = format!("{}/repositories/42/issues/5/comments", world.server.uri());
    world
        .on("POST", "/repos/acme/shop/issues/5/comments", moved(status, &to))
        .await;
    world
        .on(
            "POST",
            "/repositories/42/issues/5/comments",
            answer(201, &a_comment(8, 1, "b")),
        )
        .await;
    let comment = world
        .host
        .create_comment(&here(), 5, "b")
        .await
        .expect("written once");
    assert_eq!(comment.comment_id, 8);
    let last = world.requests().await.pop().expect("requests");
    assert_eq!(
        last.body_json::<serde_json::Value>().expect("JSON"),
        json!({ "body": "b" })
    );
}

#[tokio::test]
async fn another_host_never_sees_the_token() {
    let (world, other) = (World::new().await, MockServer::start().await);
    world
        .on("GET", ISSUE, moved(301, &format!("{}{ISSUE}", other.uri())))
        .await;
    let error = world.host.issue(&here(), 5).await.expect_err("refused");
    assert!(
        matches!(error, CodeHostError::Refused { status: 301, .. }),
        "{error}"
    );
    assert!(other.received_requests().await.expect("recorded").is_empty());
}

#[tokio::test]
async fn a_circle_is_left() {
    let world = World::new().await;
    world.on("GET", ISSUE, moved(302, ISSUE)).await;
    let error = world.host.issue(&here(), 5).await.expect_err("refused");
    assert!(
        matches!(error, CodeHostError::Refused { status: 302, .. }),
        "{error}"
    );
    assert_eq!(world.asked().await.len(), 4);
}

#[tokio::test]
async fn an_enterprise_server_is_asked_below_its_path() {
    let world = World::below("/api/v3").await;
    let to = format!("{}/api/v3/repositories/42/issues/5", world.server.uri());
    world
        .on("GET", "/api/v3/repos/acme/shop/issues/5", moved(301, &to))
        .await;
    world
        .on(
            "GET",
            "/api/v3/repositories/42/issues/5",
            answer(200, &an_issue()),
        )
        .await;
    assert_eq!(world.host.issue(&here(), 5).await.expect("an issue").number, 5);
}
