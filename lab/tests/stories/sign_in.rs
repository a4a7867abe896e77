//! A seeded person signs in at the gateway by choosing who to be, calls a tool through it, and signs out.

use reqwest::header::COOKIE;
use serde_json::{Value, json};

use crate::kit::{Browser, World, location};

#[tokio::test]
async fn a_seeded_person_signs_in_calls_a_tool_and_leaves() {
    let world = World::new().await;
    let endpoints = &world.lab.endpoints;
    let mut browser = Browser::new();
    let away = location(&browser.get(&endpoints.login_url).await);
    // An agent in the lab has no key of the simulator, and becomes nobody.
    let nobody = browser.choose(endpoints, &away, "mia", None).await;
    assert_eq!(nobody.status(), 403);
    let back = browser
        .choose(endpoints, &away, "mia", Some(&endpoints.github_key))
        .await;
    let home = location(&browser.get(location(&back).as_str()).await);
    assert_eq!(home.path(), "/", "the console's place");
    let session = format!("{}/login/session", endpoints.gateway_url);
    let page = browser.get(&session).await.text().await.expect("a page");
    assert!(page.contains("<strong>mia</strong>"), "{page}");

    let origin = endpoints.gateway_url.clone();
    let call = |browser: &Browser, csrf: &str| {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "principal_get", "arguments": {},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        browser
            .http
            .post(&endpoints.public_mcp_url)
            .header(COOKIE, browser.header())
            .header("origin", &origin)
            .header("x-csrf-token", csrf)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "principal_get")
            .json(&body)
            .send()
    };
    let csrf = browser.csrf();
    let answer = call(&browser, &csrf).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.expect("JSON");
    let who = &answer["result"]["structuredContent"];
    assert_eq!(
        (&who["kind"], &who["name"]),
        (&json!("person"), &json!("mia")),
        "{answer}"
    );

    let left = browser
        .http
        .post(format!("{origin}/logout"))
        .header(COOKIE, browser.header())
        .header("origin", &origin)
        .header("x-csrf-token", &csrf)
        .header("content-type", "application/x-www-form-urlencoded")
        .body("")
        .send()
        .await
        .expect("an answer");
    assert_eq!(left.status(), 303);
    // A browser that kept its cookies nevertheless.
    assert_eq!(call(&browser, &csrf).await.expect("an answer").status(), 401);
    world.end().await;
}
