//! Two gateways, two sets of tools and two workers side by side: one delivery is one run, whoever takes it.

use lab::Program;
use serde_json::json;

use crate::kit::{Hook, World, eventually, example};

#[tokio::test]
async fn one_delivery_to_both_gateways_is_one_run() {
    let world = World::with(|config| config.replicas = Some(2)).await;
    for program in [Program::Gateway, Program::McpServer, Program::Worker] {
        assert_eq!(world.lab.pids(program).len(), 2, "{program:?}");
    }
    let mut payload = example("issues", "labeled");
    payload["label"]["name"] = json!("run:dev");
    payload["repository"]["id"] = json!(world.lab.endpoints.github_repository_id);
    payload["sender"]["id"] = json!(9002);
    let hook = Hook::signed(&world.lab.endpoints.webhook_secret, "issues", &payload);
    let urls: Vec<_> = world
        .lab
        .gateways()
        .iter()
        .map(|gateway| format!("http://{gateway}/webhooks/github"))
        .collect();
    let [first, second] = urls.as_slice() else {
        panic!("two gateways, not {urls:?}")
    };
    // A common address may answer before both of its replicas do.
    for url in &urls {
        eventually("the gateway answers", async || reqwest::get(url).await.ok()).await;
    }
    let sent = tokio::join!(
        world.post_to(first, &hook),
        world.post_to(second, &hook),
        world.post_to(first, &hook)
    );
    assert_eq!(sent, (202, 202, 202));
    let ended = world.succeeded(1).await;
    world.pull_request(&ended);
    assert_eq!(world.runs(1).await.len(), 1);
    let guids = world.deliveries().await;
    assert_eq!(guids.iter().filter(|one| one.guid == hook.guid).count(), 1);
    eventually("one status comment", async || {
        (world.comments(1).len() == 1).then_some(())
    })
    .await;
    world.leaves_nothing().await;
    world.end().await;
}
