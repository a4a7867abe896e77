//! Who is let in, and what the others are told. Every kind of token that does not count stands in one table, at the doors
//! where it could be shown: `gateway/tests/login/forged`.

use jiff::SignedDuration;
use orchestrator::actor::Role;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::world::{AUDIENCE, World};

fn challenge(response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    response.headers()["www-authenticate"]
        .to_str()
        .expect("text")
        .to_owned()
}

#[tokio::test]
async fn without_a_token_every_method_is_told_where_to_get_one() {
    let world = World::new().await;
    for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
        let response = world.request(method, None).send().await.expect("an answer");
        assert_eq!(
            challenge(&response),
            "Bearer resource_metadata=\"http://platform.test/.well-known/oauth-protected-resource/mcp\", \
             scope=\"tools\""
        );
    }
    world.db.done().await;
}

#[tokio::test]
async fn a_token_that_does_not_count_is_named_invalid() {
    let world = World::new().await;
    let good = world.service_token(Role::Viewer).await;
    let past = world.clock.now() - SignedDuration::from_secs(1);
    let expired = world
        .service_token_until(world.shop.project_id, Role::Viewer, AUDIENCE, past)
        .await;
    for bad in ["nonsense", &expired] {
        for method in [Method::GET, Method::POST] {
            let response = world
                .request(method, Some(bad))
                .body("{}")
                .send()
                .await
                .expect("an answer");
            let challenge = challenge(&response);
            assert!(challenge.contains("resource_metadata="), "{challenge}");
            assert!(challenge.contains("scope=\"tools\""), "{challenge}");
            assert!(
                challenge.contains("error=\"invalid_token\", error_description=\""),
                "{challenge}"
            );
        }
    }
    assert_eq!(world.legacy(&good, "ping", json!({})).await["result"], json!({}));
    world.db.done().await;
}

#[tokio::test]
async fn the_metadata_lies_at_both_places_and_health_is_public() {
    let world = World::with(|config| {
        config.authorization_servers = vec!["https://platform.example/oauth".parse().expect("an address")];
    })
    .await;
    for path in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let document: Value = world
            .get(path)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert_eq!(
            document,
            json!({
                "resource": AUDIENCE,
                "resource_name": "codex-k8s",
                "authorization_servers": ["https://platform.example/oauth"],
                "scopes_supported": ["tools"],
                "bearer_methods_supported": ["header"],
            })
        );
    }
    let health = world.get("/healthz").send().await.expect("an answer");
    assert_eq!(health.text().await.expect("text"), "ok");
    world.db.done().await;
}

#[tokio::test]
async fn with_a_token_there_are_no_streams_and_no_sessions() {
    let world = World::new().await;
    let token = world.service_token(Role::Viewer).await;
    for method in [Method::GET, Method::DELETE] {
        let request = world
            .request(method, Some(&token))
            .header("mcp-session-id", "somebody-elses");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "POST");
    }
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let response = world
        .request(Method::POST, Some(&token))
        .json(&initialize)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("mcp-session-id"));
    world.db.done().await;
}
