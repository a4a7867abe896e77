//! What is sound HTTP and JSON-RPC, and what is not.

use std::time::{Duration, Instant};

use orchestrator::actor::Role;
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, status};

fn ping() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})
}

#[rstest]
#[case::own_host("host", "platform.test", StatusCode::OK)]
#[case::configured_host("host", "mcp-server.codex-k8s.svc:8080", StatusCode::OK)]
#[case::foreign_host("host", "evil.example", StatusCode::FORBIDDEN)]
#[case::own_origin("origin", "http://platform.test", StatusCode::OK)]
#[case::configured_origin("origin", "http://localhost:5173", StatusCode::OK)]
#[case::other_port("origin", "http://localhost:5174", StatusCode::FORBIDDEN)]
#[case::foreign_origin("origin", "https://evil.example", StatusCode::FORBIDDEN)]
#[case::opaque_origin("origin", "null", StatusCode::FORBIDDEN)]
#[tokio::test]
async fn host_and_origin_are_checked(
    #[case] header: &str,
    #[case] value: &str,
    #[case] expected: StatusCode,
) {
    let world = World::with(|config| {
        config.allowed_hosts = vec!["mcp-server.codex-k8s.svc:8080".into()];
        config.allowed_origins = vec!["http://localhost:5173".into()];
    })
    .await;
    let token = world.service_token(Role::Viewer).await;
    let request = world
        .request(Method::POST, Some(&token))
        .header(header, value)
        .json(&ping());
    assert_eq!(request.send().await.expect("an answer").status(), expected);
    world.db.done().await;
}

#[rstest]
#[case::broken("{", -32700)]
#[case::empty("", -32700)]
#[case::text("hello", -32700)]
#[case::batch(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600)]
#[case::other_version(r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600)]
#[case::no_message("{}", -32600)]
#[case::strange_id(r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600)]
#[case::no_kind_of_message(r#"{"jsonrpc":"2.0","id":1}"#, -32600)]
#[tokio::test]
async fn a_body_that_is_no_message_is_a_bad_request(#[case] body: &'static str, #[case] code: i64) {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let response = world
        .request(Method::POST, Some(&token))
        .body(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["error"]["code"], code, "{answer}");
    world.db.done().await;
}

#[tokio::test]
async fn another_media_type_is_not_read() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let mut request = world
        .request(Method::POST, Some(&token))
        .body("{")
        .build()
        .expect("a request");
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().expect("a value"));
    let response = world.execute(request).await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    world.db.done().await;
}

/// The bodies never come: whoever waited for them would not answer.
#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    const MIB: usize = 1024 * 1024;
    let world = World::new().await;
    let turn = world.turn(&world.shop, 1).await;
    for (token, bytes, expected) in [
        (&turn.agent, MIB + 1, 413),
        (&turn.supervisor, 12 * MIB + 1, 413),
        (&"nonsense".to_owned(), MIB + 1, 401),
        (&"nonsense".to_owned(), 2, 401),
    ] {
        let mut socket = world.without_body(token, bytes).await;
        assert_eq!(status(&mut socket).await, expected, "{bytes} bytes");
    }
    // Without a length, it is read as far as it may go.
    let chunk = |_| Ok::<_, std::io::Error>(vec![b' '; MIB / 2]);
    let chunks = futures_util::stream::iter((0..3).map(chunk));
    let response = world
        .request(Method::POST, Some(&turn.agent))
        .body(reqwest::Body::wrap_stream(chunks))
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    world.db.done().await;
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    let stream = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let body = reqwest::Body::wrap_stream(stream);
    let began = Instant::now();
    let response = world
        .request(Method::POST, Some(&token))
        .body(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(began.elapsed() < Duration::from_secs(30));
    world.db.done().await;
}

#[tokio::test]
async fn one_call_too_many_is_asked_to_come_again() {
    let world = World::with(|config| config.max_calls = 0).await;
    let token = world.service_token(Role::Viewer).await;
    let response = world
        .request(Method::POST, Some(&token))
        .json(&ping())
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    world.db.done().await;
}
