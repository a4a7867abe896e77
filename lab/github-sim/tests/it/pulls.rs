use serde_json::json;

use crate::support::{Checkout, Client, REPOSITORY, World};

/// Pushes a branch with one changed line; returns the checkout, a client and the pushed hash.
async fn pushed(world: &World) -> (Checkout, Client, String) {
    let token = world.installation_token().await;
    let url = format!("{}/acme/shop.git", world.sim.url());
    let checkout = Checkout::clone(&url, Some(&token)).await.expect("a clone");
    checkout.write("src/lib.rs", "pub fn price() -> u32 {\n    2\n}\n");
    let sha = checkout.commit("codex/issue-1", "Fix the price").await;
    checkout.push("codex/issue-1").await.expect("a push");
    (checkout, Client::new(world.sim.url(), Some(token)), sha)
}

fn new_pull() -> serde_json::Value {
    json!({"title": "Fix the price", "body": "Fixes #1", "head": "codex/issue-1", "base": "main"})
}

#[tokio::test]
async fn a_pull_request_holds_the_pushed_commit() {
    let world = World::new().await;
    let (_checkout, client, sha) = pushed(&world).await;
    let made = client
        .post("/repos/acme/shop/pulls", new_pull())
        .await
        .expect(201);
    assert_eq!(
        (&made.body["number"], &made.body["head"]["sha"]),
        (&json!(2), &json!(sha))
    );
    let facts = ["commits", "additions", "deletions", "changed_files"].map(|name| made.body[name].as_u64());
    assert_eq!(facts, [Some(1); 4]);
    assert_eq!(
        (&made.body["mergeable"], &made.body["mergeable_state"]),
        (&json!(true), &json!("clean"))
    );
    let again = client
        .post("/repos/acme/shop/pulls", new_pull())
        .await
        .expect(422);
    assert!(
        again.body["errors"][0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("already exists"))
    );
    let files = client.get("/repos/acme/shop/pulls/2/files").await.expect(200);
    assert!(
        files.body[0]["patch"]
            .as_str()
            .is_some_and(|patch| patch.starts_with("@@ ") && patch.contains("+    2"))
    );
    let commits = client.get("/repos/acme/shop/pulls/2/commits").await.expect(200);
    assert_eq!(commits.body[0]["sha"], sha);
    let found = client
        .get("/repos/acme/shop/pulls?head=acme:codex/issue-1&state=all")
        .await
        .expect(200);
    assert_eq!(found.body.as_array().map(Vec::len), Some(1));
    let other = client
        .get("/repos/acme/shop/pulls?head=acme:other")
        .await
        .expect(200);
    assert_eq!(other.body, json!([]));
    assert_eq!(world.events().await, ["create", "push", "pull_request.opened"]);
    assert_eq!(
        world.sim.pull_requests(REPOSITORY).expect("pulls")[0]["head"]["sha"],
        sha
    );
    world.end().await;
}

#[tokio::test]
async fn a_pull_request_needs_branches_with_commits_between() {
    let world = World::new().await;
    let (_checkout, client, _) = pushed(&world).await;
    let mut missing = new_pull();
    missing["head"] = json!("nowhere");
    client.post("/repos/acme/shop/pulls", missing).await.expect(422);
    let same = json!({"title": "t", "head": "main", "base": "codex/issue-1"});
    let refused = client.post("/repos/acme/shop/pulls", same).await.expect(422);
    assert_eq!(
        refused.body["errors"][0]["message"],
        "No commits between codex/issue-1 and main"
    );
    world.end().await;
}

#[tokio::test]
async fn a_push_moves_the_pull_request() {
    let world = World::new().await;
    let (checkout, client, before) = pushed(&world).await;
    client
        .post("/repos/acme/shop/pulls", new_pull())
        .await
        .expect(201);
    checkout.write("more.txt", "more\n");
    let after = checkout.commit("codex/issue-1", "More").await;
    checkout.push("codex/issue-1").await.expect("a push");
    let events = world.events().await;
    assert_eq!(events[3..], ["push", "pull_request.synchronize"]);
    let body = &world.hooks.got()[4].body;
    assert_eq!((&body["before"], &body["after"]), (&json!(before), &json!(after)));
    let pull = client.get("/repos/acme/shop/pulls/2").await.expect(200);
    assert_eq!(
        (&pull.body["head"]["sha"], &pull.body["commits"]),
        (&json!(after), &json!(2))
    );
    client
        .patch(
            "/repos/acme/shop/pulls/2",
            json!({"title": "New title", "body": "new"}),
        )
        .await
        .expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_merge_reaches_the_base_branch() {
    let world = World::new().await;
    let (_checkout, client, sha) = pushed(&world).await;
    client
        .post("/repos/acme/shop/pulls", new_pull())
        .await
        .expect(201);
    let merge = "/repos/acme/shop/pulls/2/merge";
    client
        .put(merge, json!({"sha": "0".repeat(40)}))
        .await
        .expect(409);
    let merged = client
        .put(merge, json!({"sha": sha, "merge_method": "squash"}))
        .await
        .expect(200);
    let pull = client.get("/repos/acme/shop/pulls/2").await.expect(200);
    assert_eq!(
        (&pull.body["merged"], &pull.body["state"]),
        (&json!(true), &json!("closed"))
    );
    assert_eq!(pull.body["merge_commit_sha"], merged.body["sha"]);
    let main = client
        .get("/repos/acme/shop/git/ref/heads/main")
        .await
        .expect(200);
    assert_eq!(main.body["object"]["sha"], merged.body["sha"]);
    client.put(merge, json!({})).await.expect(405);
    assert_eq!(
        world.events().await[2..],
        [
            "pull_request.opened",
            "pull_request.closed",
            "issues.closed",
            "push"
        ]
    );
    world.end().await;
}

#[tokio::test]
async fn a_conflict_is_seen_and_not_merged() {
    let world = World::new().await;
    let (checkout, client, _) = pushed(&world).await;
    client
        .post("/repos/acme/shop/pulls", new_pull())
        .await
        .expect(201);
    checkout
        .git(&["checkout", "--quiet", "-B", "main", "origin/main"])
        .await
        .expect("main");
    checkout.write("src/lib.rs", "pub fn price() -> u32 {\n    3\n}\n");
    checkout.commit("main", "Another price").await;
    checkout.push("main").await.expect("a push");
    let pull = client.get("/repos/acme/shop/pulls/2").await.expect(200);
    assert_eq!(
        (&pull.body["mergeable"], &pull.body["mergeable_state"]),
        (&json!(false), &json!("dirty"))
    );
    client
        .put("/repos/acme/shop/pulls/2/merge", json!({}))
        .await
        .expect(405);
    world.end().await;
}

#[tokio::test]
async fn a_person_reviews() {
    let world = World::new().await;
    let (_checkout, client, _) = pushed(&world).await;
    client
        .post("/repos/acme/shop/pulls", new_pull())
        .await
        .expect(201);
    let reviewers = "/repos/acme/shop/pulls/2/requested_reviewers";
    client
        .post(reviewers, json!({"reviewers": ["alice"]}))
        .await
        .expect(201);
    let reviews = "/repos/acme/shop/pulls/2/reviews";
    let wants = json!({"event": "REQUEST_CHANGES", "body": "Why 2?", "comments": [
        {"path": "src/lib.rs", "line": 2, "side": "RIGHT", "body": "here"},
    ]});
    let review = world.person("alice").post(reviews, wants).await.expect(200);
    assert_eq!(review.body["state"], "CHANGES_REQUESTED");
    client
        .post(reviews, json!({"event": "APPROVE"}))
        .await
        .expect(422);
    assert_eq!(
        client
            .get(reviews)
            .await
            .expect(200)
            .body
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let comments = client.get("/repos/acme/shop/pulls/2/comments").await.expect(200);
    assert_eq!(comments.body[0]["line"], 2);
    assert_eq!(client.get(reviewers).await.expect(200).body["users"], json!([]));
    let events = world.events().await;
    let expected = [
        "pull_request.review_requested",
        "pull_request_review_comment.created",
        "pull_request_review.submitted",
    ];
    assert_eq!(events[3..], expected);
    assert_eq!(world.hooks.got()[5].body["review"]["state"], "changes_requested");
    world.end().await;
}

#[tokio::test]
async fn a_pull_request_closes_with_its_branch() {
    let world = World::new().await;
    let (_checkout, client, _) = pushed(&world).await;
    client
        .post("/repos/acme/shop/pulls", new_pull())
        .await
        .expect(201);
    client
        .delete("/repos/acme/shop/git/refs/heads/codex/issue-1")
        .await
        .expect(204);
    let pull = client.get("/repos/acme/shop/pulls/2").await.expect(200);
    assert_eq!(pull.body["state"], "closed");
    assert_eq!(
        world.events().await[3..],
        ["delete", "push", "pull_request.closed"]
    );
    world.end().await;
}
