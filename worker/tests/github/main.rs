//! The GitHub adapter against the GitHub simulator: real HTTP, real App auth, real git.

mod git;
mod hands;
mod knowledge;
mod nowhere;
mod repositories;
mod starts;
mod talk;
mod world;

use std::time::Duration;

use github_sim::{Effect, Fault};
use orchestrator::ports::code_host::{
    CodeHost, CodeHostError, HostAccount, HostPermission, PullRequestDraft, TokenAccess,
};
use rstest::rstest;

use git::Checkout;
use world::{ISSUE, REPOSITORY, World};

const MARKER: &str = "<!-- codex-k8s:status -->";
const BRANCH: &str = "codex/issue-1";

fn draft() -> PullRequestDraft {
    PullRequestDraft {
        title: "Correct the price".to_owned(),
        body: "Closes #1.".to_owned(),
        head_branch: BRANCH.to_owned(),
        base_branch: "main".to_owned(),
    }
}

#[tokio::test]
async fn what_is_there_is_read() {
    let world = World::new().await;
    let (host, at) = (&world.host, world.at());
    let repository = host.repository(&at).await.expect("a repository");
    assert_eq!(
        (repository.name.as_str(), repository.default_branch.as_str()),
        ("shop", "main")
    );
    let issue = host.issue(&at, ISSUE).await.expect("an issue");
    assert!(issue.open && !issue.is_pull_request);
    assert_eq!(issue.author.expect("alice").login, "alice");
    let missing = host.issue(&at, 99).await.expect_err("no such issue");
    assert!(matches!(missing, CodeHostError::NotFound(_)), "{missing}");
    assert_eq!(host.own_account().await.expect("the bot").login, "codex-k8s[bot]");
    let alice = host.account("alice").await.expect("alice");
    assert_eq!((alice.github_user_id, alice.login.as_str()), (502, "alice"));
    let nobody = host.account("nobody-at-all").await.expect_err("no such account");
    assert!(matches!(nobody, CodeHostError::NotFound(_)), "{nobody}");
    world.end().await;
}

#[rstest]
#[case("olga", 501, HostPermission::Admin)]
#[case("alice", 502, HostPermission::Write)]
#[case("tina", 503, HostPermission::Triage)]
#[case("rob", 504, HostPermission::Read)]
#[case("stranger", 505, HostPermission::None)]
#[case("nobody-at-all", 506, HostPermission::None)]
#[case::who_had_the_login_before("olga", 999, HostPermission::None)]
#[tokio::test]
async fn a_person_has_the_permission_of_now(
    #[case] login: &str,
    #[case] github_user_id: i64,
    #[case] expected: HostPermission,
) {
    let world = World::new().await;
    let login = login.to_owned();
    let account = HostAccount {
        github_user_id,
        login,
    };
    let permission = world.host.permission(&world.at(), &account).await;
    assert_eq!(permission.expect("an answer"), expected);
    world.end().await;
}

#[tokio::test]
async fn a_comment_is_written_found_and_edited() {
    let world = World::new().await;
    let (host, at) = (&world.host, world.at());
    world
        .sim
        .comment(REPOSITORY, 1, MARKER, "alice")
        .expect("a forged marker");
    assert_eq!(
        host.find_comment(&at, ISSUE, MARKER).await.expect("an answer"),
        None
    );
    let body = format!("{MARKER}\nqueued");
    let written = host.create_comment(&at, ISSUE, &body).await.expect("written");
    let found = host
        .find_comment(&at, ISSUE, MARKER)
        .await
        .expect("an answer")
        .expect("it is there");
    assert_eq!((found.comment_id, found.body), (written.comment_id, body));
    let body = format!("{MARKER}\nrunning");
    let edited = host
        .edit_comment(&at, written.comment_id, &body)
        .await
        .expect("edited");
    assert_eq!((edited.comment_id, edited.body), (written.comment_id, body));
    world.end().await;
}

#[rstest]
#[case::answered_500(Effect::ErrorAfter { status: 500 }, true)]
#[case::answered_502_undone(Effect::ErrorBefore { status: 502 }, false)]
#[case::broke_off(Effect::BrokenAfter, true)]
#[case::broke_off_undone(Effect::BrokenBefore, false)]
#[case::too_slow(Effect::Slow { milliseconds: 4000 }, true)]
#[tokio::test]
async fn a_lost_answer_is_told_and_looking_tells_the_truth(#[case] effect: Effect, #[case] done: bool) {
    let world = World::new().await;
    let (host, at) = (&world.host, world.at());
    let late = matches!(effect, Effect::Slow { .. });
    world
        .sim
        .add_fault(Fault::once("POST", "/repos/*/*/issues/*/comments", effect));
    let error = host
        .create_comment(&at, ISSUE, MARKER)
        .await
        .expect_err("the answer is lost");
    assert!(matches!(error, CodeHostError::Ambiguous(_)), "{error}");
    if !late {
        let found = host.find_comment(&at, ISSUE, MARKER).await.expect("an answer");
        assert_eq!(found.is_some(), done);
        assert_eq!(world.comments(), usize::from(done), "sent once");
    }
    world.end().await;
}

#[rstest]
#[case::told(Effect::SecondaryLimit { retry_after: Some(90) }, 90)]
#[case::not_told(Effect::SecondaryLimit { retry_after: None }, 60)]
#[case::too_many(Effect::TooManyRequests { retry_after: Some(7) }, 7)]
#[case::too_many_not_told(Effect::TooManyRequests { retry_after: None }, 60)]
#[tokio::test]
async fn a_limit_names_the_time_to_wait(#[case] effect: Effect, #[case] seconds: u64) {
    let world = World::new().await;
    world.sim.add_fault(Fault::once("POST", "/repos/**", effect));
    let error = world
        .host
        .create_comment(&world.at(), ISSUE, "b")
        .await
        .expect_err("limited");
    let CodeHostError::RateLimited { retry_after, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(retry_after, Duration::from_secs(seconds));
    assert_eq!(world.comments(), 0);
    world.end().await;
}

#[tokio::test]
async fn labels_become_what_is_wanted() {
    let world = World::new().await;
    let (host, at) = (&world.host, world.at());
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("labelled");
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let (add, remove) = (names(&["state:dev-done"]), names(&["run:dev", "never:there"]));
    for _ in 0..2 {
        let now = host
            .change_labels(&at, ISSUE, &add, &remove)
            .await
            .expect("labels");
        assert_eq!(now, ["state:dev-done"]);
    }
    assert_eq!(
        host.issue(&at, ISSUE).await.expect("an issue").labels,
        ["state:dev-done"]
    );
    world.end().await;
}

#[tokio::test]
async fn a_commit_is_pushed_and_becomes_a_pull_request() {
    let world = World::new().await;
    let (host, at) = (&world.host, world.at());
    assert_eq!(host.branch_head(&at, BRANCH).await.expect("an answer"), None);
    let refused = host
        .open_pull_request(&at, &draft())
        .await
        .expect_err("no such branch");
    assert!(
        matches!(refused, CodeHostError::Refused { status: 422, .. }),
        "{refused}"
    );

    let repository = host.repository(&at).await.expect("a repository");
    let token = host
        .repository_token(&at, TokenAccess::Write)
        .await
        .expect("a token");
    let checkout = Checkout::clone(&repository.clone_url, &token)
        .await
        .expect("a clone");
    let sha = checkout.commit("price.txt", "2").await;
    checkout.push(BRANCH, &token).await.expect("a push");
    assert_eq!(
        host.branch_head(&at, BRANCH).await.expect("an answer"),
        Some(sha.clone())
    );

    assert_eq!(
        host.find_pull_request(&at, BRANCH, MARKER)
            .await
            .expect("an answer"),
        None
    );
    world.sim.add_fault(Fault::once(
        "POST",
        "/repos/*/*/pulls",
        Effect::ErrorAfter { status: 502 },
    ));
    let lost = host
        .open_pull_request(&at, &draft())
        .await
        .expect_err("the answer is lost");
    assert!(matches!(lost, CodeHostError::Ambiguous(_)), "{lost}");
    let found = host
        .find_pull_request(&at, BRANCH, MARKER)
        .await
        .expect("an answer")
        .expect("it is there");
    assert_eq!(
        (found.head_sha.as_str(), found.base_branch.as_str()),
        (sha.as_str(), "main")
    );
    let read = host
        .pull_request(&at, found.number)
        .await
        .expect("a pull request");
    assert!(read.open && !read.merged);
    let again = host
        .open_pull_request(&at, &draft())
        .await
        .expect_err("one is enough");
    assert!(
        matches!(again, CodeHostError::Refused { status: 422, .. }),
        "{again}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_credential_reaches_no_further_than_it_says() {
    let world = World::new().await;
    let (host, at) = (&world.host, world.at());
    let clone_url = host.repository(&at).await.expect("a repository").clone_url;
    let reader = host
        .repository_token(&at, TokenAccess::Read)
        .await
        .expect("a token");
    let checkout = Checkout::clone(&clone_url, &reader)
        .await
        .expect("reading is allowed");
    checkout.commit("price.txt", "2").await;
    checkout.push(BRANCH, &reader).await.expect_err("writing is not");
    let other = clone_url.replace("shop", "other");
    Checkout::clone(&other, &reader)
        .await
        .expect_err("another repository is not");
    assert_eq!(host.branch_head(&at, BRANCH).await.expect("an answer"), None);
    world.end().await;
}

#[tokio::test]
async fn a_renamed_repository_is_still_written_to() {
    let world = World::new().await;
    let (host, at) = (&world.host, world.at());
    world.rename("store").await;
    assert_eq!(host.repository(&at).await.expect("followed").name, "store");
    assert_eq!(host.issue(&at, ISSUE).await.expect("followed").number, ISSUE);
    host.create_comment(&at, ISSUE, "still here")
        .await
        .expect("followed");
    world.end().await;
}

#[tokio::test]
async fn a_failed_delivery_is_listed_and_sent_again() {
    let world = World::new().await;
    world
        .sim
        .label_issue(REPOSITORY, 1, "run:dev", "alice")
        .expect("labelled");
    world.settled().await;
    let list = async || world.host.deliveries(None).await.expect("a list").deliveries;
    let first = list().await;
    let failed = first.first().expect("a delivery");
    assert!(!failed.delivered);
    world
        .host
        .redeliver(failed.host_delivery_id)
        .await
        .expect("accepted");
    world.settled().await;
    let second = list().await;
    assert_eq!(second.len(), first.len() + 1);
    assert_eq!(second[0].guid, failed.guid);
    world.end().await;
}
