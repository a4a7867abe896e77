use serde_json::{Value, json};

use crate::support::{REPOSITORY_ID, World};

#[tokio::test]
async fn a_seed_over_http_makes_what_is_missing_and_can_be_repeated() {
    let world = World::new().await;
    let control = world.nobody();
    let seed = json!({
        "accounts": [{"id": 21_031_067, "login": "Codertocat"}],
        "repositories": [{
            "owner": "Codertocat", "name": "Hello-World", "files": {"a.txt": "a\n"}, "roles": {"alice": "maintain"},
            "labels": [{"name": "bug", "color": "d73a4a"}],
            "issues": [{"id": 444_500_041, "number": 1, "title": "Spelling error", "author": "Codertocat"}],
        }],
    });
    let first = control.post("/_sim/seed", seed.clone()).await.expect(200);
    assert_eq!(first.body["installations"].as_array().map(Vec::len), Some(2));
    let again = control.post("/_sim/seed", seed).await.expect(200);
    assert_eq!(first.body, again.body);
    let answer = world
        .person("alice")
        .get("/repos/codertocat/hello-world/issues/1")
        .await
        .expect(200);
    assert_eq!(answer.body["id"], 444_500_041);
    let unknown = json!({"repositories": [{"owner": "nobody", "name": "x"}]});
    let refused = control.post("/_sim/seed", unknown).await.expect(400);
    assert!(
        refused.body["error"]
            .as_str()
            .is_some_and(|text| text.contains("seed it before")),
        "{}",
        refused.body
    );
    world
        .sim
        .seed(&crate::support::seed())
        .await
        .expect("the first seed again");
    world.end().await;
}

#[tokio::test]
async fn the_example_payload_names_what_is_seeded() {
    let world = World::new().await;
    // The ids that `issues.labeled` of @octokit/webhooks-examples carries, its sender's changed to a seeded person's.
    let payload = json!({
        "action": "labeled",
        "issue": {"number": 1},
        "repository": {"id": REPOSITORY_ID},
        "sender": {"id": 501},
    });
    world.sim.deliver("issues", payload, None).expect("a delivery");
    assert_eq!(world.events().await, ["issues.labeled"]);
    let got = world.hooks.got().remove(0).body;
    let (repository, number) = (&got["repository"]["id"], &got["issue"]["number"]);
    let client = world.installation().await;
    let issue = client
        .get(&format!("/repositories/{repository}/issues/{number}"))
        .await
        .expect(200);
    assert_eq!(issue.body["state"], "open");
    let sender = client
        .get(&format!("/user/{}", got["sender"]["id"]))
        .await
        .expect(200);
    let login = sender.body["login"].as_str().expect("a login").to_owned();
    let path = format!("/repositories/{repository}/collaborators/{login}/permission");
    assert_eq!(client.get(&path).await.expect(200).body["permission"], "write");
    assert_eq!(world.sim.deliveries()[0].repository_id, Some(REPOSITORY_ID));
    world.end().await;
}

#[tokio::test]
async fn time_roles_labels_and_tokens_are_driven_over_http() {
    let world = World::new().await;
    let control = world.nobody();
    let before = control.get("/_sim/clock").await.expect(200);
    let after = control
        .post("/_sim/clock", json!({"advance_seconds": 3_600}))
        .await
        .expect(200);
    assert!(before.body["now"].as_str() < after.body["now"].as_str());
    control
        .post("/_sim/clock", json!({"now": "2030-01-01T00:00:00Z"}))
        .await
        .expect(200);
    assert!(
        control.get("/_sim/clock").await.expect(200).body["now"]
            .as_str()
            .is_some_and(|now| now.starts_with("2030"))
    );
    control
        .post("/_sim/clock", json!({"advance_seconds": "x"}))
        .await
        .expect(400);
    let token = control
        .post("/_sim/tokens", json!({"login": "alice"}))
        .await
        .expect(200);
    assert!(
        token.body["token"]
            .as_str()
            .is_some_and(|token| token.starts_with("gho_"))
    );
    let label = json!({"repository": "acme/shop", "number": 1, "label": "run:dev", "by": "alice"});
    control.post("/_sim/label", label).await.expect(200);
    let role = json!({"repository": "acme/shop", "login": "alice", "role": "none"});
    control.post("/_sim/roles", role).await.expect(200);
    world.person("alice").get("/repos/acme/shop").await.expect(404);
    assert_eq!(
        control.get("/_sim/app").await.expect(200).body["bot"]["login"],
        "codex-k8s[bot]"
    );
    assert_ne!(
        control.get("/_sim/deliveries").await.expect(200).body,
        Value::Null
    );
    control.get("/_sim/nothing").await.expect(404);
    assert_eq!(world.events().await, ["issues.labeled"]);
    world.end().await;
}

const KEY: &str = "the-labs-key";

#[tokio::test]
async fn whoever_cannot_show_the_key_drives_nothing() {
    let world = World::with(|config| config.control_key = Some(KEY.into())).await;
    let stranger = world.nobody();
    for path in ["tokens", "label", "roles", "seed", "faults", "deliver"] {
        stranger
            .post(&format!("/_sim/{path}"), json!({"login": "alice"}))
            .await
            .expect(401);
    }
    stranger.get("/_sim/deliveries").await.expect(401);
    stranger.get("/_sim/health").await.expect(200);
    // Neither a person's token nor a cookie that anybody can write is the key.
    world
        .person("olga")
        .post("/_sim/tokens", json!({"login": "alice"}))
        .await
        .expect(401);
    for cookie in [
        "github_sim_person=alice",
        "github_sim_person=alice; github_sim_key=x",
    ] {
        stranger
            .form("/acme/shop/issues/1/label", "label=run%3Adev", cookie)
            .await
            .expect(403);
    }
    let page = stranger.get("/acme/shop/issues/1?key=wrong").await.expect(200);
    assert!(page.text.contains("make up"), "{}", page.text);

    let lab = crate::support::Client::new(world.sim.url(), Some(KEY.into()));
    lab.post("/_sim/tokens", json!({"login": "alice"}))
        .await
        .expect(200);
    assert_eq!(world.events().await, [""; 0]);
    world.end().await;
}

#[tokio::test]
async fn a_browser_that_came_with_the_key_may_click() {
    let world = World::with(|config| config.control_key = Some(KEY.into())).await;
    let browser = world.nobody();
    let opened = browser
        .get(&format!("/acme/shop/issues/1?key={KEY}"))
        .await
        .expect(303);
    // The address bar does not keep it.
    assert_eq!(opened.header("location"), "/acme/shop/issues/1");
    let cookie = opened.header("set-cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let key = cookie.split(';').next().expect("a cookie");
    let cookies = format!("github_sim_person=tina; {key}");
    browser
        .form("/acme/shop/issues/1/label", "label=run%3Adev", &cookies)
        .await
        .expect(303);
    assert_eq!(world.events().await, ["issues.labeled"]);
    world.end().await;
}
