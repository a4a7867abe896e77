use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn check_runs_are_made_completed_and_listed() {
    let world = World::new().await;
    let client = world.installation().await;
    let main = client
        .get("/repos/acme/shop/git/ref/heads/main")
        .await
        .expect(200);
    let sha = main.body["object"]["sha"].clone();
    let made = client
        .post(
            "/repos/acme/shop/check-runs",
            json!({"name": "agent", "head_sha": sha}),
        )
        .await
        .expect(201);
    let path = format!("/repos/acme/shop/check-runs/{}", made.body["id"]);
    let output = json!({"title": "Done", "summary": "All good"});
    let done = client
        .patch(
            &path,
            json!({"status": "completed", "conclusion": "success", "output": output}),
        )
        .await;
    assert_eq!(done.expect(200).body["status"], "completed");
    client.get(&path).await.expect(200);
    let listed = client
        .get("/repos/acme/shop/commits/main/check-runs?check_name=agent")
        .await
        .expect(200);
    assert_eq!(listed.body["total_count"], 1);
    world
        .person("alice")
        .post(
            "/repos/acme/shop/check-runs",
            json!({"name": "x", "head_sha": sha}),
        )
        .await
        .expect(403);
    world.end().await;
}

#[tokio::test]
async fn statuses_come_to_one_state() {
    let world = World::new().await;
    let client = world.installation().await;
    let main = client
        .get("/repos/acme/shop/git/ref/heads/main")
        .await
        .expect(200);
    let path = format!(
        "/repos/acme/shop/statuses/{}",
        main.body["object"]["sha"].as_str().expect("a hash")
    );
    client
        .post(&path, json!({"state": "pending", "context": "ci"}))
        .await
        .expect(201);
    client
        .post(&path, json!({"state": "success", "context": "ci"}))
        .await
        .expect(201);
    let all = client
        .get("/repos/acme/shop/commits/main/statuses")
        .await
        .expect(200);
    assert_eq!(all.body.as_array().map(Vec::len), Some(2));
    let state = client
        .get("/repos/acme/shop/commits/main/status")
        .await
        .expect(200);
    assert_eq!(
        (&state.body["state"], &state.body["total_count"]),
        (&json!("success"), &json!(1))
    );
    world.end().await;
}
