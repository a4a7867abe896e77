use reqwest::Method;
use serde_json::json;

use crate::support::World;
use crate::support::client_answer as answer;

#[tokio::test]
async fn an_unchanged_read_is_answered_304_and_costs_nothing() {
    let world = World::new().await;
    let client = world.installation().await;
    let first = client.get("/repos/acme/shop/issues/1").await.expect(200);
    let used = first.header("x-ratelimit-used").to_owned();
    let ask = || {
        client
            .request(Method::GET, "/repos/acme/shop/issues/1")
            .header("if-none-match", first.header("etag"))
    };
    let second = answer(ask()).await.expect(304);
    assert_eq!(
        (second.text.as_str(), second.header("x-ratelimit-used")),
        ("", used.as_str())
    );
    client
        .post("/repos/acme/shop/issues/1/comments", json!({"body": "new"}))
        .await
        .expect(201);
    answer(ask()).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    let client = world.installation().await;
    for number in 0..5 {
        client
            .post(
                "/repos/acme/shop/issues/1/comments",
                json!({"body": number.to_string()}),
            )
            .await
            .expect(201);
    }
    let page = client
        .get("/repos/acme/shop/issues/1/comments?per_page=2&page=2")
        .await
        .expect(200);
    assert_eq!(page.body[0]["body"], "2");
    let base = format!("{}/repos/acme/shop/issues/1/comments", world.sim.url());
    let expected = format!(
        "<{base}?page=1&per_page=2>; rel=\"prev\", <{base}?page=3&per_page=2>; rel=\"next\", \
         <{base}?page=3&per_page=2>; rel=\"last\", <{base}?page=1&per_page=2>; rel=\"first\""
    );
    assert_eq!(page.header("link"), expected);
    let whole = client.get("/repos/acme/shop/issues/1/comments").await.expect(200);
    assert_eq!(
        (whole.body.as_array().map(Vec::len), whole.header("link")),
        (Some(5), "")
    );
    world.end().await;
}

#[tokio::test]
async fn the_primary_limit_is_told_and_kept() {
    let world = World::new().await;
    // A person's token outlives the hour that an installation's does not.
    let client = world.person("alice");
    world
        .nobody()
        .post("/_sim/rate_limit", json!({"limit": 2}))
        .await
        .expect(200);
    let first = client.get("/repos/acme/shop").await.expect(200);
    assert_eq!(
        (
            first.header("x-ratelimit-limit"),
            first.header("x-ratelimit-remaining")
        ),
        ("2", "1")
    );
    client.get("/repos/acme/shop").await.expect(200);
    let over = client.get("/repos/acme/shop").await.expect(403);
    assert_eq!(over.header("x-ratelimit-remaining"), "0");
    let told = client.get("/rate_limit").await.expect(200);
    assert_eq!(told.body["resources"]["core"]["remaining"], 0);
    world.sim.advance_clock(3_601);
    client.get("/repos/acme/shop").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_refused() {
    let world = World::new().await;
    let client = world.installation().await;
    let ask = |version: &'static str| {
        client
            .request(Method::GET, "/repos/acme/shop")
            .header("x-github-api-version", version)
    };
    let pinned = answer(ask("2022-11-28")).await.expect(200);
    assert_eq!(pinned.header("x-github-api-version-selected"), "2022-11-28");
    assert_eq!(pinned.header("x-github-request-id").matches(':').count(), 4);
    answer(ask("2001-01-01")).await.expect(400);
    world.end().await;
}

#[tokio::test]
async fn every_request_is_in_the_log_without_its_secret() {
    let world = World::new().await;
    let token = world.installation_token().await;
    let client = crate::support::Client::new(world.sim.url(), Some(token.clone()));
    client
        .post("/repos/acme/shop/issues/1/comments", json!({"body": "hello"}))
        .await
        .expect(201);
    let log = world.nobody().get("/_sim/log").await.expect(200);
    let last = log.body["requests"]
        .as_array()
        .and_then(|all| all.last())
        .expect("a request")
        .clone();
    assert_eq!(
        (&last["method"], &last["status"], &last["body"]["body"]),
        (&json!("POST"), &json!(201), &json!("hello"))
    );
    assert_eq!(
        last["operation"],
        "POST /repos/{owner}/{repo}/issues/{issue_number}/comments"
    );
    assert!(!log.text.contains(&token));
    assert_eq!(
        world.sim.log().await.expect("a log").count("POST", "/comments"),
        1
    );
    world.end().await;
}

#[tokio::test]
async fn wrong_requests_are_refused_in_githubs_words() {
    let world = World::new().await;
    let client = world.installation().await;
    let broken = client
        .request(Method::POST, "/repos/acme/shop/issues/1/comments")
        .body("{");
    assert_eq!(
        answer(broken).await.expect(400).body["message"],
        "Problems parsing JSON"
    );
    let unnamed = client.request(Method::GET, "/meta").header("user-agent", "");
    answer(unnamed).await.expect(403);
    client.get("/repos/acme/shop/no-such-thing").await.expect(404);
    client.get("/api/v3/nothing").await.expect(404);
    world.end().await;
}
