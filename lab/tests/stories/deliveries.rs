//! Webhooks that come twice, late, in another order, or not at all.

use github_sim::{DeliveryEffect, DeliveryFault};

use crate::kit::{PATIENCE, World, eventually};

fn next_labeled(world: &World, effect: DeliveryEffect) {
    let fault = DeliveryFault::once("issues", "labeled", effect);
    world.lab.github.add_delivery_fault(fault);
}

async fn sent(world: &World) {
    let settled = world.lab.github.deliveries_settled(PATIENCE);
    settled.await.expect("everything was sent");
}

/// Waits for the end of the search for missed deliveries that is due.
async fn swept(world: &World) {
    let url = &world.lab.endpoints.database_url;
    eventually("the sweep has ended", async || {
        let due = orchestrator::testing::is_sweep_due(url).await.expect("an answer");
        (!due).then_some(())
    })
    .await;
}

/// GitHub tells of a label, and nobody hears it: the next sweep asks for it again.
#[tokio::test]
async fn a_webhook_that_never_came_is_fetched_and_starts_its_run() {
    let world = World::new().await;
    // A worker that starts looks at once; this story is about the look after that.
    swept(&world).await;
    next_labeled(&world, DeliveryEffect::Drop);
    let number = world.labelled_issue().await;
    sent(&world).await;
    let attempts = world.lab.github.deliveries();
    let dropped = attempts
        .iter()
        .find(|one| one.action.as_deref() == Some("labeled"));
    let dropped = dropped.expect("GitHub tried").guid.clone();
    let heard = async || {
        world
            .deliveries()
            .await
            .into_iter()
            .any(|one| one.guid == dropped)
    };
    assert!(!heard().await);
    assert_eq!(world.runs(number).await.len(), 0);

    let url = &world.lab.endpoints.database_url;
    orchestrator::testing::make_sweep_due(url).await.expect("due");
    let ended = world.succeeded(number).await;
    world.pull_request(&ended);
    assert!(heard().await, "under its own GUID");

    // What arrived is not asked for again.
    orchestrator::testing::make_sweep_due(url).await.expect("due");
    swept(&world).await;
    sent(&world).await;
    let attempts = world.lab.github.deliveries();
    let redelivered: Vec<_> = attempts.iter().filter(|one| one.redelivery).collect();
    assert_eq!(redelivered.len(), 1, "{redelivered:#?}");
    assert_eq!(world.runs(number).await.len(), 1);
    world.leaves_nothing().await;
    world.end().await;
}

#[tokio::test]
async fn doubled_overtaken_and_late_webhooks_are_one_run_each() {
    let world = World::new().await;
    next_labeled(&world, DeliveryEffect::Duplicate);
    let doubled = world.labelled_issue().await;
    sent(&world).await;
    // The label is told of before the issue it is on.
    let opened = DeliveryFault::once("issues", "opened", DeliveryEffect::Reorder);
    world.lab.github.add_delivery_fault(opened);
    let overtaken = world.labelled_issue().await;
    next_labeled(&world, DeliveryEffect::Delay { milliseconds: 2000 });
    let late = world.labelled_issue().await;
    for number in [doubled, overtaken, late] {
        let ended = world.succeeded(number).await;
        world.pull_request(&ended);
        assert_eq!(world.runs(number).await.len(), 1);
    }
    sent(&world).await;
    let attempts = world.lab.github.deliveries();
    let labeled: Vec<_> = attempts
        .iter()
        .filter(|one| one.action.as_deref() == Some("labeled"))
        .collect();
    // The platform labels its own pull requests and issues too; what is doubled here is the same delivery.
    let twice = |guid: &str| labeled.iter().filter(|one| one.guid == guid).count() == 2;
    let doubled = labeled.iter().find(|one| twice(&one.guid)).expect("sent twice");
    let heard = world.deliveries().await;
    assert_eq!(heard.iter().filter(|one| one.guid == doubled.guid).count(), 1);
    world.leaves_nothing().await;
    world.end().await;
}
