use github_sim::AppKey;
use serde_json::json;

use crate::support::{Client, REPOSITORY_ID, World, claims, jwt, key};

#[tokio::test]
async fn an_app_proves_itself_by_a_short_lived_jwt() {
    let world = World::new().await;
    let ask = |token: String| Client::new(world.sim.url(), Some(token));
    let app = ask(jwt(&key(), &claims(540))).get("/app").await.expect(200);
    assert_eq!(app.body["slug"], "codex-k8s");
    let late = ask(jwt(&key(), &claims(700))).get("/app").await.expect(401);
    assert_eq!(
        late.body["message"],
        "'Expiration time' claim ('exp') is too far in the future"
    );
    let mut early = claims(540);
    early["iat"] = json!(early["exp"]);
    ask(jwt(&key(), &early)).get("/app").await.expect(401);
    ask(jwt(&key(), &claims(-1))).get("/app").await.expect(401);
    let mut stranger = claims(540);
    stranger["iss"] = json!("1");
    ask(jwt(&key(), &stranger)).get("/app").await.expect(401);
    world.nobody().get("/app").await.expect(401);
    world.end().await;
}

#[tokio::test]
async fn a_jwt_of_another_key_is_refused() {
    let world = World::new().await;
    let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("github-sim-other.pem");
    let other = AppKey::load_or_generate(&file).expect("a key");
    let answer = Client::new(world.sim.url(), Some(jwt(&other, &claims(540))))
        .get("/app")
        .await
        .expect(401);
    assert_eq!(answer.body["message"], "A JSON web token could not be decoded");
    world.end().await;
}

#[tokio::test]
async fn a_token_has_the_new_form_and_lives_an_hour() {
    let world = World::new().await;
    let token = world.installation_token().await;
    assert_eq!(
        (token.len(), token.matches('.').count(), &token[..4]),
        (520, 2, "ghs_")
    );
    let client = Client::new(world.sim.url(), Some(token));
    client.get("/installation/repositories").await.expect(200);
    world.sim.advance_clock(3_601);
    client.get("/installation/repositories").await.expect(401);
    world.end().await;
}

#[tokio::test]
async fn a_narrowed_token_reaches_its_repository_and_permissions_only() {
    let world = World::new().await;
    let narrow = json!({"repositories": ["shop"], "permissions": {"contents": "write", "metadata": "read"}});
    let answer = world.token(narrow).await.expect(201);
    assert_eq!(answer.body["repositories"][0]["id"], REPOSITORY_ID);
    assert_eq!(answer.body["repository_selection"], "selected");
    let client = Client::new(world.sim.url(), answer.body["token"].as_str().map(str::to_owned));
    client.get("/repos/acme/shop").await.expect(200);
    client.get("/repos/acme/other").await.expect(404);
    let refused = client
        .post("/repos/acme/shop/issues/1/comments", json!({"body": "hi"}))
        .await
        .expect(403);
    assert_eq!(refused.body["message"], "Resource not accessible by integration");
    let listed = client.get("/installation/repositories").await.expect(200);
    assert_eq!(listed.body["total_count"], 1);
    world
        .token(json!({"permissions": {"administration": "write"}}))
        .await
        .expect(422);
    world
        .token(json!({"repositories": ["nothing"]}))
        .await
        .expect(422);
    world
        .token(json!({"repository_ids": [REPOSITORY_ID]}))
        .await
        .expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_revoked_token_and_a_suspended_installation_open_nothing() {
    let world = World::new().await;
    let client = world.installation().await;
    client.delete("/installation/token").await.expect(204);
    client.get("/installation/repositories").await.expect(401);
    let client = world.installation().await;
    let id = world.sim.installation_id("acme").expect("an installation");
    world
        .nobody()
        .post("/_sim/suspend", json!({"installation_id": id, "suspended": true}))
        .await
        .expect(200);
    client.get("/repos/acme/shop").await.expect(403);
    world.token(json!({})).await.expect(403);
    world.end().await;
}

#[tokio::test]
async fn installations_are_found_by_list_and_repository() {
    let world = World::new().await;
    let listed = world.app().get("/app/installations").await.expect(200);
    let id = listed.body[0]["id"].as_u64().expect("an id");
    world
        .app()
        .get(&format!("/app/installations/{id}"))
        .await
        .expect(200);
    let found = world.app().get("/repos/acme/shop/installation").await.expect(200);
    assert_eq!(found.body["id"].as_u64(), Some(id));
    world.app().get("/app/installations/1").await.expect(404);
    world.end().await;
}
