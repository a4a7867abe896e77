//! Which credential each operation uses.

use jiff::SignedDuration;
use orchestrator::ports::code_host::{CodeHost, PullRequestDraft, TokenAccess};
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::world::{World, an_issue, ann, answer, here};
use crate::github::GithubHost;

const ISSUE: &str = "/repos/acme/shop/issues/5";

/// Does one operation; what comes of it is another test's.
async fn ask(host: &GithubHost, operation: &str) {
    let (at, none) = (here(), []);
    match operation {
        "repository" => drop(host.repository(&at).await),
        "permission" => drop(host.permission(&at, &ann()).await),
        "issue" => drop(host.issue(&at, 5).await),
        "create_comment" => drop(host.create_comment(&at, 5, "b").await),
        "edit_comment" => drop(host.edit_comment(&at, 8, "b").await),
        "change_labels" => drop(host.change_labels(&at, 5, &none, &none).await),
        "pull_request" => drop(host.pull_request(&at, 6).await),
        "find_pull_request" => drop(host.find_pull_request(&at, "x", "m").await),
        "open_pull_request" => drop(host.open_pull_request(&at, &draft()).await),
        "branch_head" => drop(host.branch_head(&at, "main").await),
        "file" => drop(host.file(&at, "main", "x.yaml").await),
        "contains" => drop(host.contains(&at, "abc", "def").await),
        "token to read" => drop(host.repository_token(&at, TokenAccess::Read).await),
        "token to write" => drop(host.repository_token(&at, TokenAccess::Write).await),
        other => panic!("no operation {other}"),
    }
}

fn draft() -> PullRequestDraft {
    PullRequestDraft {
        title: "T".to_owned(),
        body: "B".to_owned(),
        head_branch: "codex/issue-5".to_owned(),
        base_branch: "main".to_owned(),
    }
}

#[tokio::test]
async fn whether_github_knows_the_app_is_asked_with_its_key_alone() {
    let world = World::new().await;
    assert!(world.host.check().await.is_err(), "it does not answer yet");
    world
        .on("GET", "/app", answer(200, &json!({ "slug": "codex" })))
        .await;
    world.host.check().await.expect("it knows us");
    assert!(world.minted().await.is_empty());
}

#[rstest]
#[case("repository", json!({ "metadata": "read" }))]
#[case("permission", json!({ "metadata": "read" }))]
#[case("issue", json!({ "issues": "read" }))]
#[case("create_comment", json!({ "issues": "write" }))]
#[case("edit_comment", json!({ "issues": "write" }))]
#[case("change_labels", json!({ "issues": "write" }))]
#[case("pull_request", json!({ "pull_requests": "read" }))]
#[case("find_pull_request", json!({ "pull_requests": "read" }))]
#[case("open_pull_request", json!({ "pull_requests": "write", "contents": "read" }))]
#[case("branch_head", json!({ "contents": "read" }))]
#[case("file", json!({ "contents": "read" }))]
#[case("contains", json!({ "contents": "read" }))]
#[case("token to read", json!({ "contents": "read" }))]
#[case("token to write", json!({ "contents": "write" }))]
#[tokio::test]
async fn a_token_reaches_one_repository_for_one_purpose(#[case] operation: &str, #[case] permissions: Value) {
    let world = World::new().await;
    ask(&world.host, operation).await;
    let expected = json!({ "permissions": permissions, "repository_ids": [42] });
    assert_eq!(world.minted().await, [expected]);
}

#[tokio::test]
async fn each_request_says_who_asks_for_which_version() {
    let world = World::new().await;
    world.on("GET", ISSUE, answer(200, &an_issue())).await;
    world.host.issue(&here(), 5).await.expect("an issue");
    world.host.deliveries(None).await.expect_err("not mounted");
    let requests = world.requests().await;
    assert_eq!(requests.len(), 3);
    for request in &requests {
        let header = |name: &str| {
            let values: Vec<_> = request.headers.get_all(name).iter().collect();
            assert_eq!(values.len(), 1, "{name} of {}", request.url);
            values[0].to_str().expect("text").to_owned()
        };
        assert_eq!(header("x-github-api-version"), "2022-11-28");
        assert_eq!(header("accept"), "application/vnd.github+json");
        assert_ne!(header("user-agent"), "");
        let is_apps_own = request.url.path().starts_with("/app/");
        let bearer = header("authorization");
        assert!(
            bearer.starts_with(if is_apps_own { "Bearer ey" } else { "Bearer ghs_1_" }),
            "{}",
            request.url
        );
    }
}

#[tokio::test]
async fn a_token_serves_until_five_minutes_before_its_end() {
    let world = World::new().await;
    world.on("GET", ISSUE, answer(200, &an_issue())).await;
    let mut minted = Vec::new();
    for minutes in [0, 54, 2, 0] {
        world.clock.advance(SignedDuration::from_mins(minutes));
        world.host.issue(&here(), 5).await.expect("an issue");
        minted.push(world.minted().await.len());
    }
    assert_eq!(minted, [1, 1, 2, 2]);
}

#[tokio::test]
async fn a_credential_that_leaves_is_always_fresh_and_whole() {
    let world = World::new().await;
    let first = world
        .host
        .repository_token(&here(), TokenAccess::Write)
        .await
        .expect("a token");
    let second = world
        .host
        .repository_token(&here(), TokenAccess::Write)
        .await
        .expect("a token");
    assert_eq!(first.username, "x-access-token");
    assert!(first.token.expose_secret().len() > 500);
    assert_ne!(first.token.expose_secret(), second.token.expose_secret());
    assert!(first.expires_at > world.clock.now() + SignedDuration::from_mins(59));
    assert!(!format!("{first:?}").contains("ghs_"));
}
