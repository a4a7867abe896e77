use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn a_body_that_breaks_the_contract_is_in_the_log() {
    let world = World::new().await;
    let client = world.installation().await;
    client
        .post("/repos/acme/shop/issues", json!({"body": "no title"}))
        .await
        .expect(422);
    let log = world.nobody().get("/_sim/log").await.expect(200);
    let error = &log.body["contract_errors"][0];
    assert_eq!(
        (&error["operation"], &error["side"]),
        (&json!("POST /repos/{owner}/{repo}/issues"), &json!("request"))
    );
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.contains("title")),
        "{error}"
    );
    world.nobody().delete("/_sim/log").await.expect(200);
    world.end().await;
}
