//! What GitHub says is read leniently: accounts get deleted and words get added.

use orchestrator::ports::code_host::{CodeHost, HostAccount, HostPermission};
use rstest::rstest;
use serde_json::{Value, json};

use super::world::{World, a_pull_request, an_issue, ann, answer, here};

/// `an_issue` with some fields replaced.
fn issue_with(change: &Value) -> Value {
    let mut issue = an_issue();
    let fields = change.as_object().expect("an object");
    issue.as_object_mut().expect("an object").extend(fields.clone());
    issue
}

#[tokio::test]
async fn an_issue_is_read_whole() {
    let world = World::new().await;
    world
        .on("GET", "/repos/acme/shop/issues/5", answer(200, &an_issue()))
        .await;
    let issue = world.host.issue(&here(), 5).await.expect("an issue");
    assert_eq!(
        (issue.number, issue.title.as_str(), issue.body.as_str()),
        (5, "T", "")
    );
    assert!(issue.open && !issue.is_pull_request);
    assert_eq!(issue.labels, ["run:dev"]);
    assert_eq!(issue.author.expect("ann").github_user_id, 9);
    assert_eq!(issue.updated_at.to_string(), "2026-01-02T03:04:05Z");
}

#[rstest]
#[case::deleted_author(json!({ "user": null }))]
#[case::new_words(json!({ "state": "pinned", "state_reason": "eaten", "author_association": "GHOST", "type": {} }))]
#[case::labels_as_text(json!({ "labels": ["a", { "name": "b" }, { "name": null }, 5] }))]
#[case::a_pull_request(json!({ "pull_request": { "url": "u" }, "milestone": {}, "reactions": [] }))]
#[tokio::test]
async fn an_unusual_issue_is_still_an_issue(#[case] change: Value) {
    let world = World::new().await;
    let body = issue_with(&change);
    world
        .on("GET", "/repos/acme/shop/issues/5", answer(200, &body))
        .await;
    let issue = world.host.issue(&here(), 5).await.expect("still an issue");
    assert_eq!(issue.open, body["state"] == "open");
    assert_eq!(issue.author.is_some(), !body["user"].is_null());
    assert_eq!(issue.is_pull_request, body.get("pull_request").is_some());
    if body["labels"].as_array().is_some_and(|labels| labels.len() == 4) {
        assert_eq!(issue.labels, ["a", "b"]);
    }
}

#[rstest]
#[case::open(json!({}), true, false)]
#[case::closed(json!({ "state": "closed" }), false, false)]
#[case::merged(json!({ "state": "closed", "merged": true }), false, true)]
#[case::merged_as_a_list_says(json!({ "state": "closed", "merged_at": "2026-01-02T03:04:05Z" }), false, true)]
#[case::fork_was_deleted(json!({ "head": { "ref": "x", "sha": "abc", "repo": null } }), true, false)]
#[tokio::test]
async fn a_pull_request_is_read(#[case] change: Value, #[case] open: bool, #[case] merged: bool) {
    let world = World::new().await;
    let mut body = a_pull_request(42, "x");
    body.as_object_mut()
        .expect("an object")
        .extend(change.as_object().expect("an object").clone());
    world
        .on("GET", "/repos/acme/shop/pulls/6", answer(200, &body))
        .await;
    let pull_request = world.host.pull_request(&here(), 6).await.expect("a pull request");
    assert_eq!(
        (pull_request.open, pull_request.merged, pull_request.draft),
        (open, merged, true)
    );
    assert_eq!(
        (pull_request.head_sha.as_str(), pull_request.base_branch.as_str()),
        ("abc", "main")
    );
    assert_eq!(pull_request.author, None);
}

#[rstest]
#[case::admin(json!({ "permission": "admin", "role_name": "admin" }), HostPermission::Admin)]
#[case::maintain(json!({ "permission": "write", "role_name": "maintain" }), HostPermission::Maintain)]
#[case::write(json!({ "permission": "write", "role_name": "write" }), HostPermission::Write)]
#[case::triage(json!({ "permission": "read", "role_name": "triage" }), HostPermission::Triage)]
#[case::read(json!({ "permission": "read", "role_name": "read" }), HostPermission::Read)]
#[case::none(json!({ "permission": "none", "role_name": "" }), HostPermission::None)]
#[case::own_role(json!({ "permission": "write", "role_name": "deployers" }), HostPermission::Write)]
#[case::old_server(json!({ "permission": "read" }), HostPermission::Read)]
#[case::new_words(json!({ "permission": "glance", "role_name": "guest" }), HostPermission::None)]
#[case::nothing(json!({}), HostPermission::None)]
#[tokio::test]
async fn a_permission_is_never_guessed_upwards(#[case] body: Value, #[case] expected: HostPermission) {
    let world = World::new().await;
    let path = "/repos/acme/shop/collaborators/ann/permission";
    let mut body = body;
    body["user"] = json!({ "id": ann().github_user_id, "login": "ann" });
    world.on("GET", path, answer(200, &body)).await;
    assert_eq!(
        world.host.permission(&here(), &ann()).await.expect("an answer"),
        expected
    );
}

#[tokio::test]
async fn a_login_taken_over_by_somebody_else_may_do_nothing() {
    for user in [json!({ "id": 99, "login": "ann" }), Value::Null] {
        let world = World::new().await;
        let path = "/repos/acme/shop/collaborators/ann/permission";
        let body = json!({ "permission": "admin", "role_name": "admin", "user": user });
        world.on("GET", path, answer(200, &body)).await;
        let permission = world.host.permission(&here(), &ann()).await.expect("an answer");
        assert_eq!(permission, HostPermission::None);
    }
}

#[tokio::test]
async fn an_unknown_account_may_do_nothing() {
    let world = World::new().await;
    let stranger = HostAccount {
        github_user_id: 9,
        login: "../../x".into(),
    };
    let permission = world
        .host
        .permission(&here(), &stranger)
        .await
        .expect("an answer");
    assert_eq!(permission, HostPermission::None);
    let asked = world.asked().await;
    assert_eq!(
        asked,
        ["GET /repos/acme/shop/collaborators/..%2F..%2Fx/permission"]
    );
}
