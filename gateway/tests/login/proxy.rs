//! What goes through to the tools, and how.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use crate::browser::message;
use crate::upstream::Upstream;
use crate::world::World;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn clients_are_told_the_public_address() {
    let world = World::new().await;
    let mcp = format!("{}/mcp", world.gateway_url);
    let answer = message(world.http.post(&mcp), "principal_get")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    let document = format!("{}/.well-known/oauth-protected-resource/mcp", world.gateway_url);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains(&format!("resource_metadata=\"{document}\"")),
        "{challenge}"
    );
    for path in ["", "/mcp"] {
        let url = format!("{}/.well-known/oauth-protected-resource{path}", world.gateway_url);
        let document: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(document["resource"], mcp);
    }
    let get = world.http.get(&mcp).send().await.unwrap();
    assert_eq!(get.status(), 401, "clients probe with GET");
    world.end().await;
}

#[tokio::test]
async fn a_stream_comes_as_it_is_said_and_ends_with_its_listener() {
    let mut upstream = Upstream::start().await;
    let world = World::with(Some(upstream.url.clone())).await;
    let browser = world.signed_in("ada").await;
    let request = browser
        .call("wait_get")
        .header("x-forwarded-for", "1.1.1.1")
        .header("connection", "x-mine")
        .header("x-mine", "1");
    let mut answer = timeout(SOON, request.send())
        .await
        .expect("a head at once")
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().get("set-cookie").is_none());
    let head = upstream.heads.recv().await.unwrap();
    assert!(head.contains("authorization: bearer ey"), "{head}");
    assert!(head.contains("x-forwarded-for: 127.0.0.1\r\n"), "{head}");
    let host = world.gateway_url.trim_start_matches("http://");
    assert!(head.contains(&format!("host: {host}\r\n")), "{head}");
    for kept in ["cookie", "x-csrf-token", "x-mine", browser.cookie("session")] {
        assert!(!head.contains(&kept.to_lowercase()), "{kept}: {head}");
    }
    for event in ["data: one\n\n", "data: two\n\n"] {
        upstream.say.send(event).await.unwrap();
        let piece = timeout(SOON, answer.chunk()).await.expect("unbuffered").unwrap();
        assert_eq!(piece.as_deref(), Some(event.as_bytes()));
    }
    assert!(upstream.gone.try_recv().is_err());
    drop(answer);
    timeout(SOON, upstream.gone.recv())
        .await
        .expect("whoever goes ends the call too");
    world.end().await;
}

#[tokio::test]
async fn who_comes_without_a_token_is_slowed_down_alone() {
    let world = World::new().await;
    let at = |last: u8| {
        let client = reqwest::Client::builder()
            .local_address(std::net::IpAddr::from([127, 0, 2, last]))
            .no_proxy();
        client.build().unwrap()
    };
    let public = format!("{}/mcp", world.gateway_url);
    let inside = format!("{}/mcp", world.tools_url);
    // At the gateway, and past it with a header of one's own.
    for (url, busy, other) in [(&public, at(1), at(2)), (&inside, at(3), at(4))] {
        let mut slowed = None;
        for number in 0..2000 {
            let claimed = format!("192.0.2.{};9999999999;k;AAAA", number % 250);
            let request = message(busy.post(url), "principal_get").header("x-codex-client-address", claimed);
            let answer = request.bearer_auth("nonsense").send().await.unwrap();
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                slowed = Some(answer);
                break;
            }
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        }
        let slowed = slowed.unwrap_or_else(|| panic!("{url} answers everything"));
        assert!(slowed.headers().contains_key("retry-after"));
        let told: Value = slowed.json().await.unwrap();
        assert!(
            told["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0),
            "{told}"
        );
        let request = message(other.post(url), "principal_get").bearer_auth("nonsense");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    world.end().await;
}

#[tokio::test]
async fn one_address_signs_in_only_so_often() {
    let world = World::new().await;
    let at = |last: u8| {
        let client = reqwest::Client::builder()
            .local_address(std::net::IpAddr::from([127, 0, 3, last]))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        client.build().unwrap()
    };
    let (busy, other) = (at(1), at(2));
    let login = format!("{}/login", world.gateway_url);
    let mut slowed = None;
    for number in 0..3000 {
        // Nobody is a trusted proxy here, so it does not matter what one says of oneself.
        let request = busy
            .get(&login)
            .header("x-forwarded-for", format!("192.0.2.{}", number % 250));
        let answer = request.send().await.unwrap();
        if answer.status() != StatusCode::SEE_OTHER {
            slowed = Some(answer);
            break;
        }
    }
    let slowed = slowed.expect("an end of it");
    assert_eq!(slowed.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(slowed.headers().contains_key("retry-after"));
    let told: Value = slowed.json().await.unwrap();
    assert_eq!(told["error"], "rate_limited");
    assert!(
        told["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0),
        "{told}"
    );
    let away = other.get(&login).send().await.unwrap();
    assert_eq!(
        away.status(),
        StatusCode::SEE_OTHER,
        "another address does not wait"
    );
    let hook = busy
        .post(format!("{}/webhooks/github", world.gateway_url))
        .send()
        .await
        .unwrap();
    assert_ne!(
        hook.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "webhooks are never slowed"
    );
    world.end().await;
}

#[tokio::test]
async fn tools_that_are_away_are_said_to_be() {
    let world = World::with(Some("http://127.0.0.1:1".parse().unwrap())).await;
    let mcp = format!("{}/mcp", world.gateway_url);
    let answer = message(world.http.post(&mcp), "principal_get")
        .bearer_auth("x")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "10");
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["error"], "unavailable");
    world.end().await;
}

#[tokio::test]
async fn a_body_beyond_its_bound_goes_no_further() {
    let world = World::new().await;
    let mcp = format!("{}/mcp", world.gateway_url);
    // It does not say how long it is; the gateway counts.
    let pieces = (0..80).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
    let pieces = futures_util::stream::iter(pieces);
    let answer = world
        .http
        .post(&mcp)
        .bearer_auth("x")
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(pieces))
        .send()
        .await;
    // Whoever refuses first, the gateway its size or mcp-server its token, the connection may break under the rest.
    if let Ok(answer) = answer {
        assert!(
            matches!(answer.status().as_u16(), 401 | 413 | 502),
            "{}",
            answer.status()
        );
    }
    world.end().await;
}
