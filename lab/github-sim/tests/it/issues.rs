use serde_json::{Value, json};

use crate::support::{REPOSITORY, REPOSITORY_ID, World};

#[tokio::test]
async fn an_issue_is_made_edited_and_closed() {
    let world = World::new().await;
    let client = world.installation().await;
    let made = client
        .post(
            "/repos/acme/shop/issues",
            json!({"title": "Two", "body": "b", "labels": ["bug"]}),
        )
        .await;
    let made = made.expect(201);
    assert_eq!(
        (&made.body["number"], &made.body["user"]["login"]),
        (&json!(2), &json!("codex-k8s[bot]"))
    );
    client
        .patch("/repos/acme/shop/issues/2", json!({"title": "Three"}))
        .await
        .expect(200);
    let closed = client.patch(
        "/repos/acme/shop/issues/2",
        json!({"state": "closed", "state_reason": "not_planned"}),
    );
    assert_eq!(closed.await.expect(200).body["state_reason"], "not_planned");
    let open = client.get("/repos/acme/shop/issues").await.expect(200);
    assert_eq!(open.body.as_array().map(Vec::len), Some(1));
    let all = client
        .get("/repos/acme/shop/issues?state=all&labels=bug")
        .await
        .expect(200);
    assert_eq!(all.body[0]["title"], "Three");
    let expected = [
        "label.created",
        "issues.opened",
        "issues.labeled",
        "issues.edited",
        "issues.closed",
    ];
    assert_eq!(world.events().await, expected);
    let changes = &world.hooks.got()[3].body["changes"];
    assert_eq!(changes["title"]["from"], "Two");
    world.end().await;
}

#[tokio::test]
async fn labels_are_put_on_and_taken_off() {
    let world = World::new().await;
    let client = world.installation().await;
    let labels = "/repos/acme/shop/issues/1/labels";
    client
        .post(labels, json!({"labels": ["run:dev", "new one"]}))
        .await
        .expect(200);
    client
        .post(labels, json!({"labels": ["run:dev"]}))
        .await
        .expect(200);
    let left = client
        .delete("/repos/acme/shop/issues/1/labels/run%3Adev")
        .await
        .expect(200);
    assert_eq!(left.body[0]["name"], "new one");
    client
        .delete("/repos/acme/shop/issues/1/labels/run%3Adev")
        .await
        .expect(404);
    let set = client.put(labels, json!({"labels": ["a"]})).await.expect(200);
    assert_eq!(set.body.as_array().map(Vec::len), Some(1));
    client.delete(labels).await.expect(204);
    let expected = [
        "label.created",
        "issues.labeled",
        "issues.labeled",
        "issues.unlabeled",
        "issues.unlabeled",
        "label.created",
        "issues.labeled",
        "issues.unlabeled",
    ];
    assert_eq!(world.events().await, expected);
    let timeline = client.get("/repos/acme/shop/issues/1/timeline").await.expect(200);
    assert_eq!(timeline.body[0]["event"], "labeled");
    world.end().await;
}

#[tokio::test]
async fn a_person_labels_an_issue_and_the_event_says_who() {
    let world = World::new().await;
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("alice labels");
    assert_eq!(world.events().await, ["issues.labeled"]);
    let body = &world.hooks.got()[0].body;
    assert_eq!(body["label"]["name"], "run:dev");
    assert_eq!(body["repository"]["id"], REPOSITORY_ID);
    assert_eq!(body["sender"]["id"], 501);
    assert_eq!(body["organization"]["login"], "acme");
    assert_eq!(
        body["installation"]["id"].as_u64(),
        world.sim.installation_id("acme")
    );
    world.end().await;
}

#[tokio::test]
async fn a_marked_comment_is_made_found_and_edited() {
    let world = World::new().await;
    let client = world.installation().await;
    let comments = "/repos/acme/shop/issues/1/comments";
    let made = client
        .post(comments, json!({"body": "<!-- codex-k8s:status -->\nqueued"}))
        .await
        .expect(201);
    let listed = client.get(comments).await.expect(200);
    let found = listed.body.as_array().and_then(|all| {
        all.iter()
            .find(|c| c["body"].as_str().is_some_and(|b| b.contains("codex-k8s:status")))
    });
    assert_eq!(found.map(|c| &c["id"]), Some(&made.body["id"]));
    let path = format!("/repos/acme/shop/issues/comments/{}", made.body["id"]);
    client
        .patch(&path, json!({"body": "<!-- codex-k8s:status -->\nrunning"}))
        .await
        .expect(200);
    assert_eq!(world.sim.comments(REPOSITORY, 1).expect("comments").len(), 1);
    let mut reacted = client
        .post(&format!("{path}/reactions"), json!({"content": "eyes"}))
        .await
        .expect(201);
    reacted = client
        .post(
            &format!("{path}/reactions"),
            json!({"content": reacted.body["content"]}),
        )
        .await
        .expect(200);
    assert_eq!(reacted.body["content"], "eyes");
    client.get(&path).await.expect(200);
    client.get("/repos/acme/shop/issues/comments").await.expect(200);
    client.delete(&path).await.expect(204);
    client.get(&path).await.expect(404);
    assert_eq!(
        world.events().await,
        [
            "issue_comment.created",
            "issue_comment.edited",
            "issue_comment.deleted"
        ]
    );
    world.end().await;
}

#[tokio::test]
async fn roles_say_what_a_person_may() {
    let world = World::new().await;
    let client = world.installation().await;
    for (login, permission, role) in [
        ("alice", "write", "write"),
        ("tina", "read", "triage"),
        ("olga", "admin", "admin"),
        ("stranger", "none", "none"),
    ] {
        let path = format!("/repos/acme/shop/collaborators/{login}/permission");
        let answer = client.get(&path).await.expect(200);
        assert_eq!(
            (&answer.body["permission"], &answer.body["role_name"]),
            (&json!(permission), &json!(role))
        );
    }
    client
        .get("/repos/acme/shop/collaborators/nobody-at-all/permission")
        .await
        .expect(404);
    client
        .get("/repos/acme/shop/collaborators/alice")
        .await
        .expect(204);
    client
        .get("/repos/acme/shop/collaborators/stranger")
        .await
        .expect(404);
    let label = json!({"labels": ["run:dev"]});
    let labels = "/repos/acme/shop/issues/1/labels";
    world.person("rob").post(labels, label.clone()).await.expect(403);
    world
        .person("stranger")
        .post(labels, label.clone())
        .await
        .expect(404);
    world.person("tina").post(labels, label).await.expect(200);
    world
        .person("rob")
        .post("/repos/acme/shop/issues/1/comments", json!({"body": "hello"}))
        .await
        .expect(201);
    world.end().await;
}

#[tokio::test]
async fn everything_is_also_under_numeric_ids_and_the_enterprise_prefix() {
    let world = World::new().await;
    let client = world.installation().await;
    let by_id = client
        .get(&format!("/repositories/{REPOSITORY_ID}/issues/1"))
        .await
        .expect(200);
    let by_name = client.get("/repos/acme/shop/issues/1").await.expect(200);
    assert_eq!(by_id.body, by_name.body);
    let enterprise = client.get("/api/v3/repos/acme/shop").await.expect(200);
    assert_eq!(
        enterprise.body["url"],
        format!("{}/api/v3/repos/acme/shop", world.sim.url())
    );
    assert_eq!(client.get("/user/501").await.expect(200).body["login"], "alice");
    assert_eq!(client.get("/users/alice").await.expect(200).body["id"], 501);
    client.get("/users/codex-k8s%5Bbot%5D").await.expect(200);
    assert_eq!(
        world.person("alice").get("/user").await.expect(200).body["id"],
        501
    );
    client.get("/repos/acme/nothing").await.expect(404);
    client.get("/repositories/1").await.expect(404);
    world.end().await;
}

#[tokio::test]
async fn a_renamed_repository_leads_on() {
    let world = World::new().await;
    let client = world.installation().await;
    world
        .nobody()
        .post(
            "/_sim/rename",
            json!({"repository": "acme/shop", "name": "store"}),
        )
        .await
        .expect(200);
    let moved = client.get("/repos/acme/shop/issues/1").await.expect(301);
    assert_eq!(
        moved.header("location"),
        format!("{}/repositories/{REPOSITORY_ID}/issues/1", world.sim.url())
    );
    let there = client
        .get(&format!("/repositories/{REPOSITORY_ID}/issues/1"))
        .await
        .expect(200);
    assert_ne!(there.body["number"], Value::Null);
    world.end().await;
}

#[tokio::test]
async fn repository_labels_are_made_renamed_and_deleted() {
    let world = World::new().await;
    let client = world.installation().await;
    let labels = "/repos/acme/shop/labels";
    client
        .post(
            labels,
            json!({"name": "state:dev-done", "color": "0e8a16", "description": "d"}),
        )
        .await
        .expect(201);
    client
        .post(labels, json!({"name": "State:Dev-Done"}))
        .await
        .expect(422);
    client
        .get("/repos/acme/shop/labels/state%3Adev-done")
        .await
        .expect(200);
    client
        .patch(
            "/repos/acme/shop/labels/state:dev-done",
            json!({"new_name": "done"}),
        )
        .await
        .expect(200);
    client.delete("/repos/acme/shop/labels/done").await.expect(204);
    let names = client.get(labels).await.expect(200);
    assert_eq!(names.body.as_array().map(Vec::len), Some(1));
    assert_eq!(
        world.events().await,
        ["label.created", "label.edited", "label.deleted"]
    );
    world.end().await;
}
