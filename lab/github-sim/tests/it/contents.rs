use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn files_and_folders_are_read() {
    let world = World::new().await;
    let client = world.installation().await;
    let file = client
        .get("/repos/acme/shop/contents/src/lib.rs")
        .await
        .expect(200);
    assert_eq!(
        (&file.body["type"], &file.body["encoding"]),
        (&json!("file"), &json!("base64"))
    );
    let root = client.get("/repos/acme/shop/contents/").await.expect(200);
    let names: Vec<_> = root
        .body
        .as_array()
        .expect("entries")
        .iter()
        .map(|e| e["name"].as_str())
        .collect();
    assert_eq!(names, [Some("README.md"), Some("src")]);
    let folder = client
        .get("/repos/acme/shop/contents/src?ref=main")
        .await
        .expect(200);
    assert_eq!(folder.body[0]["path"], "src/lib.rs");
    client.get("/repos/acme/shop/contents/nothing").await.expect(404);
    client
        .get("/repos/acme/shop/contents/README.md?ref=nothing")
        .await
        .expect(404);
    world.end().await;
}

#[tokio::test]
async fn a_file_is_written_by_the_api() {
    let world = World::new().await;
    let client = world.person("alice");
    let path = "/repos/acme/shop/contents/docs/new.md";
    let body = json!({"message": "Add", "content": "bmV3Cg=="});
    let made = client.put(path, body.clone()).await.expect(201);
    client.put(path, body).await.expect(409);
    let again = json!({"message": "Change", "content": "b3RoZXIK", "sha": made.body["content"]["sha"]});
    client.put(path, again).await.expect(200);
    assert_eq!(world.events().await, ["push", "push"]);
    world
        .person("rob")
        .put(path, json!({"message": "No", "content": ""}))
        .await
        .expect(403);
    world.end().await;
}

#[tokio::test]
async fn branches_commits_and_refs_are_read_and_moved() {
    let world = World::new().await;
    let client = world.installation().await;
    let main = client
        .get("/repos/acme/shop/git/ref/heads/main")
        .await
        .expect(200);
    let sha = main.body["object"]["sha"].as_str().expect("a hash").to_owned();
    client
        .post(
            "/repos/acme/shop/git/refs",
            json!({"ref": "refs/heads/next", "sha": sha}),
        )
        .await
        .expect(201);
    client
        .post(
            "/repos/acme/shop/git/refs",
            json!({"ref": "refs/heads/next", "sha": sha}),
        )
        .await
        .expect(422);
    client
        .post("/repos/acme/shop/git/refs", json!({"ref": "next", "sha": sha}))
        .await
        .expect(422);
    let content = json!({"message": "Next", "content": "bmV3Cg==", "branch": "next"});
    let made = client
        .put("/repos/acme/shop/contents/next.md", content)
        .await
        .expect(201);
    let next = made.body["commit"]["sha"].as_str().expect("a hash").to_owned();
    let compared = client
        .get("/repos/acme/shop/compare/main...next")
        .await
        .expect(200);
    assert_eq!(
        (&compared.body["status"], &compared.body["ahead_by"]),
        (&json!("ahead"), &json!(1))
    );
    assert_eq!(compared.body["files"][0]["filename"], "next.md");
    assert_eq!(
        client
            .get("/repos/acme/shop/commits?sha=next")
            .await
            .expect(200)
            .body[0]["sha"],
        next
    );
    assert_eq!(
        client.get("/repos/acme/shop/commits/next").await.expect(200).body["stats"]["additions"],
        1
    );
    client
        .patch("/repos/acme/shop/git/refs/heads/next", json!({"sha": sha}))
        .await
        .expect(422);
    client
        .patch(
            "/repos/acme/shop/git/refs/heads/next",
            json!({"sha": sha, "force": true}),
        )
        .await
        .expect(200);
    assert_eq!(
        client
            .get("/repos/acme/shop/branches")
            .await
            .expect(200)
            .body
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let matching = client
        .get("/repos/acme/shop/git/matching-refs/heads/ne")
        .await
        .expect(200);
    assert_eq!(matching.body[0]["ref"], "refs/heads/next");
    client
        .delete("/repos/acme/shop/git/refs/heads/next")
        .await
        .expect(204);
    client
        .get("/repos/acme/shop/git/ref/heads/next")
        .await
        .expect(404);
    world.end().await;
}
