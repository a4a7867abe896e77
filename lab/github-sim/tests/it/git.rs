use serde_json::json;

use crate::support::{Checkout, Client, World};

fn remote(world: &World) -> String {
    format!("{}/acme/shop.git", world.sim.url())
}

#[tokio::test]
async fn a_clone_needs_a_token() {
    let world = World::new().await;
    let refused = Checkout::clone(&remote(&world), None)
        .await
        .err()
        .expect("a refusal");
    assert!(refused.contains("could not read Username"), "{refused}");
    Checkout::clone(&remote(&world), Some("ghs_wrong"))
        .await
        .err()
        .expect("a refusal");
    let log = world.sim.log().await.expect("a log");
    assert!(log.requests.iter().all(|entry| entry.status == 401), "{log:?}");
    world.end().await;
}

#[tokio::test]
async fn a_commit_is_pushed_and_told_of() {
    let world = World::new().await;
    let token = world.installation_token().await;
    let checkout = Checkout::clone(&remote(&world), Some(&token))
        .await
        .expect("a clone");
    checkout.write("src/lib.rs", "pub fn price() -> u32 {\n    2\n}\n");
    let sha = checkout.commit("codex/issue-1", "Fix the price").await;
    checkout.push("codex/issue-1").await.expect("a push");
    assert_eq!(world.events().await, ["create", "push"]);
    let push = &world.hooks.got()[1].body;
    assert_eq!(
        (&push["ref"], &push["after"]),
        (&json!("refs/heads/codex/issue-1"), &json!(sha))
    );
    assert_eq!(push["commits"][0]["modified"], json!(["src/lib.rs"]));
    assert_eq!(push["sender"]["login"], "codex-k8s[bot]");
    let client = Client::new(world.sim.url(), Some(token));
    let branch = client
        .get("/repos/acme/shop/branches/codex/issue-1")
        .await
        .expect(200);
    assert_eq!(branch.body["commit"]["sha"], sha);
    world.end().await;
}

#[tokio::test]
async fn a_reading_token_cannot_push() {
    let world = World::new().await;
    let answer = world
        .token(json!({"repositories": ["shop"], "permissions": {"contents": "read"}}))
        .await;
    let token = answer.expect(201).body["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let checkout = Checkout::clone(&remote(&world), Some(&token))
        .await
        .expect("a clone");
    checkout.write("new.txt", "new\n");
    checkout.commit("nope", "No").await;
    let refused = checkout.push("nope").await.expect_err("a refusal");
    assert!(
        refused.contains("403") && refused.contains("denied to codex-k8s[bot]"),
        "{refused}"
    );
    let other = format!("{}/acme/other.git", world.sim.url());
    let refused = Checkout::clone(&other, Some(&token))
        .await
        .err()
        .expect("another repository");
    assert!(refused.contains("not found"), "{refused}");
    assert_eq!(world.events().await, [""; 0]);
    world.end().await;
}

#[tokio::test]
async fn a_deleted_branch_and_tags_are_told_of() {
    let world = World::new().await;
    let token = world.sim.person_token("alice").expect("alice");
    let checkout = Checkout::clone(&remote(&world), Some(&token))
        .await
        .expect("a clone");
    checkout.write("a.txt", "a\n");
    checkout.commit("short", "Short").await;
    checkout.push("short").await.expect("a push");
    checkout
        .git(&["push", "--quiet", "origin", ":short"])
        .await
        .expect("a deletion");
    for tag in ["v1", "v2", "v3", "v4"] {
        checkout.git(&["tag", tag]).await.expect("a tag");
    }
    checkout
        .git(&["push", "--quiet", "origin", "v1"])
        .await
        .expect("one tag");
    checkout
        .git(&["push", "--quiet", "--tags"])
        .await
        .expect("three tags");
    let events = world.events().await;
    let of_tags = ["create", "push"].repeat(4);
    let expected = [vec!["create", "push", "delete", "push"], of_tags].concat();
    assert_eq!(events, expected);
    assert_eq!(world.hooks.got()[3].body["deleted"], true);
    assert_eq!(world.hooks.got()[0].body["sender"]["login"], "alice");
    world.end().await;
}

#[tokio::test]
async fn two_pushes_at_once_are_each_told_of() {
    let world = World::new().await;
    let token = world.installation_token().await;
    let a = Checkout::clone(&remote(&world), Some(&token))
        .await
        .expect("a clone");
    let b = Checkout::clone(&remote(&world), Some(&token))
        .await
        .expect("a clone");
    a.write("a.txt", "a\n");
    b.write("b.txt", "b\n");
    a.commit("a", "A").await;
    b.commit("b", "B").await;
    let (first, second) = tokio::join!(a.push("a"), b.push("b"));
    first.and(second).expect("both pushes");
    let mut events = world.events().await;
    events.sort();
    assert_eq!(events, ["create", "create", "push", "push"]);
    world.end().await;
}

#[tokio::test]
async fn an_app_pushes_no_workflow_without_the_permission() {
    let world = World::new().await;
    let token = world.installation_token().await;
    let app = Checkout::clone(&remote(&world), Some(&token))
        .await
        .expect("a clone");
    app.write(".github/workflows/ci.yml", "on: push\n");
    app.commit("sly", "A workflow").await;
    app.write("a.txt", "a\n");
    app.commit("sly", "And something else").await;
    let refused = app.push("sly").await.expect_err("a refusal");
    assert!(
        refused
            .contains("create or update workflow `.github/workflows/ci.yml` without `workflows` permission"),
        "{refused}"
    );
    assert_eq!(world.events().await, [""; 0]);

    // People may; and what is there already is no App's doing.
    let person = world.sim.person_token("alice").expect("alice");
    let alice = Checkout::clone(&remote(&world), Some(&person))
        .await
        .expect("a clone");
    alice.write(".github/workflows/ci.yml", "on: push\n");
    alice.commit("main", "A workflow").await;
    alice.push("main").await.expect("a push");
    let app = Checkout::clone(&remote(&world), Some(&token))
        .await
        .expect("a clone");
    app.write("a.txt", "a\n");
    app.commit("honest", "Something else").await;
    app.push("honest").await.expect("a push");
    app.git(&["push", "--quiet", "origin", ":honest"])
        .await
        .expect("a deletion");
    world.end().await;
}
