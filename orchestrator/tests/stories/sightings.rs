//! A repository is renamed, moved, or gets another default branch at GitHub.

use jiff::{SignedDuration, Timestamp};
use orchestrator::Actor;
use orchestrator::repository::{self, Repository};
use serde_json::{Value, json};

use crate::inbox::{Inbox, T0, labeled};

/// A payload about the repository as GitHub writes it.
fn seen(owner: &str, name: &str, branch: &str, updated_at: Timestamp) -> Value {
    let mut event = labeled("bug", T0);
    event["repository"] = json!({
        "id": 5001, "name": name, "owner": { "id": 1, "login": owner }, "default_branch": branch,
        "clone_url": format!("https://github.test/{owner}/{name}.git"), "updated_at": updated_at,
    });
    event["installation"] = json!({ "id": 70 });
    event
}

async fn now(inbox: &Inbox) -> Repository {
    let id = inbox.project.repository_id;
    repository::read(&inbox.orchestrator, &Actor::System("test"), id)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_event_tells_where_the_repository_is_now() {
    let inbox = Inbox::new().await;
    let attached = now(&inbox).await;
    let minutes = |minutes| inbox.orchestrator.clock().now() + SignedDuration::from_mins(minutes);

    inbox
        .settled(
            "old",
            "issues",
            &seen("codertocat", "hello-world", "master", minutes(-60)),
        )
        .await;
    assert_eq!(
        now(&inbox).await,
        attached,
        "what is older than the attachment is not news"
    );

    inbox
        .settled("branch", "issues", &seen("octo", "alpha", "trunk", minutes(1)))
        .await;
    let branched = now(&inbox).await;
    assert_eq!(
        (branched.default_branch.as_str(), branched.installation_id),
        ("trunk", 70)
    );
    assert_eq!(branched.clone_url, attached.clone_url, "the name is the same");

    inbox
        .settled("moved", "repository", &seen("acme", "shop", "trunk", minutes(2)))
        .await;
    let moved = now(&inbox).await;
    assert_eq!((moved.owner.as_str(), moved.name.as_str()), ("acme", "shop"));
    assert_eq!(moved.clone_url, "https://github.test/acme/shop.git");

    inbox
        .settled("late", "issues", &seen("octo", "alpha", "trunk", minutes(1)))
        .await;
    assert_eq!(now(&inbox).await, moved, "an older event changes nothing");
    inbox.settled("bare", "issues", &labeled("bug", T0)).await;
    assert_eq!(now(&inbox).await, moved, "nor does one that does not say it");
    inbox.db.done().await;
}
