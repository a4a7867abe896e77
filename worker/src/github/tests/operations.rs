//! The operations that take more than one request, or must look twice.

use orchestrator::ports::code_host::{CodeHost, CodeHostError, HostDeliveryPage, PullRequestDraft};
use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use super::world::{World, a_comment, a_pull_request, answer, here};

const COMMENTS: &str = "/repos/acme/shop/issues/5/comments";
const LABELS: &str = "/repos/acme/shop/issues/5/labels";
const DELIVERIES: &str = "/app/hook/deliveries";
const MARKER: &str = "<!-- codex-k8s:status -->";
/// Number of the account `codex[bot]`.
const OWN: i64 = 77;

/// A GitHub that knows the App's own account.
async fn world() -> World {
    let world = World::new().await;
    world
        .on("GET", "/app", answer(200, &json!({ "slug": "codex" })))
        .await;
    let account = json!({ "id": OWN, "login": "codex[bot]", "type": "Bot" });
    world
        .on("GET", "/users/codex%5Bbot%5D", answer(200, &account))
        .await;
    world
}

/// Answers page after page, each with a link to the next, the last page for ever after.
async fn pages(world: &World, at: &str, pages: &[Value]) {
    for (number, body) in pages.iter().enumerate() {
        let mut response = answer(200, body);
        if number + 1 < pages.len() {
            let next = format!("<{}{at}?page={}>; rel=\"next\"", world.server.uri(), number + 2);
            response = response.insert_header("link", next.as_str());
        }
        let mock = Mock::given(path(at));
        let mock = match number {
            0 => mock.and(query_param_is_missing("page")),
            _ => mock.and(query_param("page", (number + 1).to_string())),
        };
        mock.respond_with(response).mount(&world.server).await;
    }
}

#[tokio::test]
async fn our_own_comment_is_found_on_a_later_page() {
    let world = world().await;
    let forged = json!([
        a_comment(1, 9, &format!("mine? {MARKER}")),
        { "id": 2, "body": MARKER, "user": null },
        a_comment(3, OWN, "another of ours"),
    ]);
    let ours = json!([
        a_comment(4, OWN, &format!("{MARKER}\nstatus")),
        a_comment(5, OWN, MARKER)
    ]);
    pages(&world, COMMENTS, &[forged, ours, json!([])]).await;
    let found = world
        .host
        .find_comment(&here(), 5, MARKER)
        .await
        .expect("an answer");
    assert_eq!(found.expect("it is there").comment_id, 4);
}

#[tokio::test]
async fn a_comment_that_others_forged_is_not_ours() {
    let world = world().await;
    pages(&world, COMMENTS, &[json!([a_comment(1, 9, MARKER)]), json!([])]).await;
    assert_eq!(
        world
            .host
            .find_comment(&here(), 5, MARKER)
            .await
            .expect("an answer"),
        None
    );
    world
        .host
        .find_comment(&here(), 5, MARKER)
        .await
        .expect("an answer");
    let asked = world.asked().await;
    let accounts = asked.iter().filter(|request| request.contains("/users/"));
    assert_eq!(accounts.count(), 1, "our account is asked for once: {asked:?}");
}

#[tokio::test]
async fn a_list_without_end_is_no_proof_of_absence() {
    let world = world().await;
    let next = format!("<{}{COMMENTS}>; rel=\"next\"", world.server.uri());
    let endless = answer(200, &json!([])).insert_header("link", next.as_str());
    world.on("GET", COMMENTS, endless).await;
    let error = world
        .host
        .find_comment(&here(), 5, MARKER)
        .await
        .expect_err("never whole");
    assert!(matches!(error, CodeHostError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn without_our_account_no_comment_is_judged() {
    let world = World::new().await;
    world.on("GET", "/app", answer(500, &json!({}))).await;
    let error = world
        .host
        .find_comment(&here(), 5, MARKER)
        .await
        .expect_err("unknown");
    assert!(matches!(error, CodeHostError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn our_account_is_seen_through_an_installation_that_works() {
    let world = world().await;
    let installations =
        json!([{ "id": 1, "suspended_at": "2026-01-01T00:00:00Z" }, { "id": 2 }, { "id": 3 }]);
    world
        .on("GET", "/app/installations", answer(200, &installations))
        .await;
    let closed = answer(403, &json!({ "message": "blocked by the organization" }));
    world
        .on("POST", "/app/installations/2/access_tokens", closed)
        .await;
    let account = world.host.own_account().await.expect("an account");
    assert_eq!(
        (account.github_user_id, account.login.as_str()),
        (OWN, "codex[bot]")
    );
    let narrowed = json!({ "permissions": { "metadata": "read" } });
    assert_eq!(world.minted().await, [narrowed.clone(), narrowed]);
    let requests = world.requests().await;
    assert!(
        requests
            .iter()
            .any(|request| request.url.path() == "/app/installations/3/access_tokens")
    );
}

fn labels(names: &[&str]) -> ResponseTemplate {
    let labels: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
    answer(200, &json!(labels))
}

async fn change(world: &World, add: &[&str], remove: &[&str]) -> Vec<String> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    world
        .host
        .change_labels(&here(), 5, &owned(add), &owned(remove))
        .await
        .expect("labels")
}

#[tokio::test]
async fn only_the_difference_is_written() {
    let world = World::new().await;
    world.on("GET", LABELS, labels(&["bug", "run:dev"])).await;
    world
        .on("POST", LABELS, labels(&["bug", "run:dev", "state:dev-done"]))
        .await;
    world
        .on(
            "DELETE",
            &format!("{LABELS}/run%3Adev"),
            labels(&["bug", "state:dev-done"]),
        )
        .await;
    let now = change(&world, &["state:dev-done", "Bug"], &["run:dev", "need:reviewer"]).await;
    assert_eq!(now, ["bug", "state:dev-done"]);
    let asked = world.asked().await;
    assert_eq!(
        asked,
        [
            format!("GET {LABELS}?per_page=100"),
            format!("POST {LABELS}"),
            format!("DELETE {LABELS}/run%3Adev"),
        ]
    );
    let added: Value = world.requests().await[2].body_json().expect("JSON");
    assert_eq!(added, json!({ "labels": ["state:dev-done"] }));
}

#[tokio::test]
async fn what_is_so_already_is_not_written() {
    let world = World::new().await;
    world.on("GET", LABELS, labels(&["bug"])).await;
    assert_eq!(change(&world, &["BUG"], &["run:dev"]).await, ["bug"]);
    assert_eq!(world.asked().await.len(), 1);
}

#[tokio::test]
async fn a_label_that_somebody_else_removed_is_absent() {
    let world = World::new().await;
    let first = Mock::given(path(LABELS)).respond_with(labels(&["run:dev"]));
    first.up_to_n_times(1).mount(&world.server).await;
    world.on("GET", LABELS, labels(&["bug"])).await;
    world
        .on("DELETE", &format!("{LABELS}/run%3Adev"), answer(404, &json!({})))
        .await;
    assert_eq!(change(&world, &[], &["run:dev"]).await, ["bug"]);
}

#[tokio::test]
async fn a_lost_write_among_labels_is_told() {
    let world = World::new().await;
    world.on("GET", LABELS, labels(&[])).await;
    world.on("POST", LABELS, answer(502, &json!({}))).await;
    let error = world
        .host
        .change_labels(&here(), 5, &["a".to_owned()], &[])
        .await
        .expect_err("lost");
    assert!(matches!(error, CodeHostError::Ambiguous(_)), "{error}");
}

#[rstest]
#[case::ours(json!([a_pull_request(42, "codex/issue-5")]), Some(6))]
#[case::of_a_fork(json!([a_pull_request(43, "codex/issue-5")]), None)]
#[case::filter_ignored(json!([a_pull_request(42, "another")]), None)]
#[case::nothing(json!([]), None)]
#[case::merged_and_ours(json!([over(6, "B\n<!-- ours -->")]), Some(6))]
#[case::closed_and_of_an_older_run(json!([over(6, "B")]), None)]
#[case::an_open_one_first(json!([over(9, "<!-- ours -->"), a_pull_request(42, "codex/issue-5")]), Some(6))]
#[case::the_newest_of_ours(json!([over(9, "<!-- ours -->"), over(6, "<!-- ours -->")]), Some(9))]
#[tokio::test]
async fn a_pull_request_is_found_by_its_branch(#[case] list: Value, #[case] expected: Option<i64>) {
    let world = World::new().await;
    Mock::given(path("/repos/acme/shop/pulls"))
        .and(query_param("head", "acme:codex/issue-5"))
        .and(query_param("state", "all"))
        .respond_with(answer(200, &list))
        .mount(&world.server)
        .await;
    let found = world
        .host
        .find_pull_request(&here(), "codex/issue-5", "<!-- ours -->")
        .await
        .expect("an answer");
    assert_eq!(found.map(|pull_request| pull_request.number), expected);
}

/// A pull request that was merged.
fn over(number: i64, body: &str) -> Value {
    let mut pull_request = a_pull_request(42, "codex/issue-5");
    pull_request["number"] = json!(number);
    pull_request["body"] = json!(body);
    pull_request["state"] = json!("closed");
    pull_request["merged_at"] = json!("2026-01-02T03:04:05Z");
    pull_request
}

#[rstest]
#[case::later_work(200, json!({ "status": "ahead" }), Some(true))]
#[case::the_same(200, json!({ "status": "identical" }), Some(true))]
#[case::pushed_away(200, json!({ "status": "diverged" }), Some(false))]
#[case::before_it(200, json!({ "status": "behind" }), Some(false))]
#[case::no_such_commit(404, json!({}), Some(false))]
#[case::unreadable(200, json!({}), None)]
#[tokio::test]
async fn a_commit_is_looked_for_among_the_ancestors_of_another(
    #[case] status: u16,
    #[case] body: Value,
    #[case] expected: Option<bool>,
) {
    let world = World::new().await;
    world
        .on("GET", "/repos/acme/shop/compare/old...new", answer(status, &body))
        .await;
    let found = world.host.contains(&here(), "new", "old").await;
    assert_eq!(found.as_ref().ok(), expected.as_ref(), "{found:?}");
    assert!(
        world
            .host
            .contains(&here(), "old", "old")
            .await
            .expect("no question")
    );
    assert_eq!(world.asked().await.len(), 1);
}

#[tokio::test]
async fn a_pull_request_is_opened_as_drafted() {
    let world = World::new().await;
    let draft = PullRequestDraft {
        title: "T".to_owned(),
        body: "B".to_owned(),
        head_branch: "codex/issue-5".to_owned(),
        base_branch: "main".to_owned(),
    };
    world
        .on(
            "POST",
            "/repos/acme/shop/pulls",
            answer(201, &a_pull_request(42, "codex/issue-5")),
        )
        .await;
    assert_eq!(
        world
            .host
            .open_pull_request(&here(), &draft)
            .await
            .expect("opened")
            .number,
        6
    );
    let sent: Value = world.requests().await[1].body_json().expect("JSON");
    assert_eq!(
        sent,
        json!({ "title": "T", "body": "B", "head": "codex/issue-5", "base": "main" })
    );
}

#[rstest]
#[case::there(200, json!({ "ref": "refs/heads/a/b", "object": { "sha": "abc" } }), Some("abc"))]
#[case::another_name(200, json!({ "ref": "refs/heads/a/bc", "object": { "sha": "abc" } }), None)]
#[case::missing(404, json!({ "message": "Not Found" }), None)]
#[case::no_commit_yet(409, json!({ "message": "Git Repository is empty." }), None)]
#[tokio::test]
async fn a_branch_is_its_commit_or_nothing(
    #[case] status: u16,
    #[case] body: Value,
    #[case] expected: Option<&str>,
) {
    let world = World::new().await;
    world
        .on("GET", "/repos/acme/shop/git/ref/heads/a/b", answer(status, &body))
        .await;
    let head = world.host.branch_head(&here(), "a/b").await.expect("an answer");
    assert_eq!(head.as_deref(), expected);
}

#[tokio::test]
async fn a_repository_is_asked_for_by_its_number() {
    let world = World::new().await;
    let body = json!({
        "id": 42, "name": "store", "owner": { "id": 3, "login": "acme-new" }, "default_branch": "trunk",
        "clone_url": "https://github.test/acme-new/store.git", "archived": true,
    });
    world.on("GET", "/repositories/42", answer(200, &body)).await;
    let repository = world.host.repository(&here()).await.expect("renamed");
    assert_eq!(
        (repository.owner.as_str(), repository.name.as_str()),
        ("acme-new", "store")
    );
    assert_eq!(
        (repository.default_branch.as_str(), repository.archived),
        ("trunk", true)
    );
}

fn delivery(id: i64, minute: u8, status_code: i64) -> Value {
    json!({
        "id": id, "guid": format!("g{id}"), "delivered_at": format!("2026-01-01T00:{minute:02}:00Z"),
        "status": if status_code == 202 { "OK" } else { "Service Unavailable" }, "status_code": status_code,
        "event": "an_event_of_next_year", "action": null, "installation_id": null, "repository_id": null,
    })
}

#[tokio::test]
async fn deliveries_come_page_by_page() {
    let world = World::new().await;
    let first = json!([delivery(9, 40, 202), delivery(8, 30, 503), { "id": 0 }]);
    let next = format!(
        "<{}{DELIVERIES}?per_page=100&cursor=v1_7%2B>; rel=\"next\"",
        world.server.uri()
    );
    Mock::given(path(DELIVERIES))
        .and(query_param_is_missing("cursor"))
        .respond_with(answer(200, &first).insert_header("link", next.as_str()))
        .mount(&world.server)
        .await;
    Mock::given(path(DELIVERIES))
        .and(query_param("cursor", "v1_7+"))
        .respond_with(answer(200, &json!([delivery(7, 20, 0)])))
        .mount(&world.server)
        .await;
    let ids = |page: &HostDeliveryPage| {
        let deliveries = page.deliveries.iter();
        deliveries
            .map(|delivery| (delivery.host_delivery_id, delivery.delivered))
            .collect::<Vec<_>>()
    };
    let newest = world.host.deliveries(None).await.expect("a page");
    assert_eq!(ids(&newest), [(9, true), (8, false)]);
    assert_eq!(newest.older.as_deref(), Some("v1_7+"));
    let older = world
        .host
        .deliveries(newest.older.as_deref())
        .await
        .expect("a page");
    assert_eq!((ids(&older), older.older), (vec![(7, false)], None));
    assert_eq!(world.minted().await, Vec::<Value>::new(), "the App asks itself");
}

#[tokio::test]
async fn a_delivery_is_asked_for_again() {
    let world = World::new().await;
    world
        .on(
            "POST",
            &format!("{DELIVERIES}/9/attempts"),
            answer(202, &json!({})),
        )
        .await;
    world.host.redeliver(9).await.expect("accepted");
    assert_eq!(world.asked().await, [format!("POST {DELIVERIES}/9/attempts")]);
}
