//! What agents write beyond their own issue, and what people say to them.

use github_sim::{Effect as Harm, Fault};
use jiff::Timestamp;
use orchestrator::Error;
use orchestrator::effect::domain::{LineComment, Review, ReviewVerdict};
use orchestrator::effect::{self, EffectState};
use orchestrator::ports::code_host::{CodeHost, IssueDraft, RemarkKind};
use orchestrator::repository::label::LabelDefinition;
use orchestrator::testing::agent_of;
use serde_json::json;

use crate::hands::Platform;
use crate::world::{ISSUE, REPOSITORY};

const MARKER: &str = "<!-- codex-k8s:0011 -->";

fn draft(title: &str, labels: &[&str]) -> IssueDraft {
    IssueDraft {
        title: title.into(),
        body: "Found beside it.".into(),
        labels: labels.iter().map(|&label| label.into()).collect(),
    }
}

#[tokio::test]
async fn an_issue_wears_labels_that_are_there_or_shipped_and_no_others() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let agent = agent_of(&pushed.run);
    let (host, at) = (&platform.world.host, platform.world.at());
    let bug = LabelDefinition {
        name: "bug".into(),
        colour: "d73a4a".into(),
        description: "Something does not work".into(),
    };
    host.ensure_labels(&at, &[bug]).await.expect("made");
    let ask = async |title: &str, labels: &[&str]| {
        effect::ask_issue(&platform.orchestrator, &agent, draft(title, labels), None).await
    };
    let asked = ask("With both", &["Bug", "need:reviewer"]).await.expect("it may");
    let done = platform.apply(&asked).await;
    assert_eq!(done.state, EffectState::Applied, "{:?}", done.reason);
    let asked = ask("With a new one", &["bug", "invented"])
        .await
        .expect("it is looked at later");
    let done = platform.apply(&asked).await;
    assert!(done.state.is_over() && done.state != EffectState::Applied);
    assert!(done.reason.is_some_and(|why| why.contains("invented")));
    for steers in ["run:dev", "Run:dev:revise", "state:dev-done"] {
        let refused = ask("Steers", &[steers]).await;
        assert!(
            matches!(refused, Err(Error::Forbidden(_))),
            "{steers}: {refused:?}"
        );
    }
    let page = host.issues(&at, true, 100, 1).await.expect("a page");
    let mut worn: Vec<_> = page
        .issues
        .into_iter()
        .filter(|issue| issue.title.starts_with("With"))
        .map(|issue| issue.labels)
        .collect();
    for labels in &mut worn {
        labels.sort();
    }
    assert_eq!(worn, [["bug", "need:reviewer"]]);
    let survey = host.survey(&at).await;
    assert!(!survey.labels.expect("a list").contains(&"invented".to_owned()));
    platform.end().await;
}

#[tokio::test]
async fn an_issue_whose_answer_was_lost_is_found_and_not_opened_again() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let agent = agent_of(&pushed.run);
    let ask = async || {
        effect::ask_issue(
            &platform.orchestrator,
            &agent,
            draft("The tax is wrong", &[]),
            None,
        )
        .await
        .expect("it may")
    };
    let wanted = ask().await;
    assert_eq!(
        ask().await.effect_id,
        wanted.effect_id,
        "the same text is the same issue"
    );
    let lost = Fault::once("POST", "/repos/*/*/issues", Harm::ErrorAfter { status: 502 });
    platform.world.sim.add_fault(lost);
    let unknown = platform.apply(&wanted).await;
    assert_eq!(unknown.state, EffectState::Ready, "{:?}", unknown.reason);
    let found = platform.apply(&wanted).await;
    assert_eq!(found.state, EffectState::Applied, "{:?}", found.reason);
    let (host, at) = (&platform.world.host, platform.world.at());
    let page = host.issues(&at, true, 100, 1).await.expect("a page");
    let ours = page
        .issues
        .iter()
        .filter(|issue| issue.title == "The tax is wrong");
    let numbers: Vec<_> = ours.map(|issue| issue.number).collect();
    assert_eq!(
        numbers,
        [found.result.and_then(|result| result.number).expect("a number")]
    );
    assert!(!page.has_more);

    // A page holds what was asked for, and says that there is more.
    let first = host.issues(&at, true, 1, 1).await.expect("a page");
    assert!(first.has_more && first.issues.len() <= 1);
    let closed = host.issues(&at, false, 100, 1).await.expect("a page");
    assert_eq!(closed.issues.len(), 0);
    platform.end().await;
}

#[tokio::test]
async fn a_review_is_written_once_and_what_people_said_is_read() {
    let platform = Platform::new().await;
    let pushed = platform.pushed().await;
    let opened = platform.apply(&pushed.wanted).await;
    let number = opened.result.and_then(|result| result.number).expect("a number");
    let (host, at) = (&platform.world.host, platform.world.at());
    assert_eq!(
        host.find_review(&at, number, MARKER).await.expect("an answer"),
        None
    );
    let review = Review {
        verdict: ReviewVerdict::Comment,
        body: format!("Fine.\n\n{MARKER}"),
        comments: vec![LineComment {
            path: "price.txt".into(),
            line: 1,
            body: "Rounded?".into(),
        }],
    };
    let written = host.create_review(&at, number, &review).await.expect("written");
    let found = host.find_review(&at, number, MARKER).await.expect("an answer");
    assert_eq!(found.map(|review| review.comment_id), Some(written.comment_id));

    let wish = json!({ "event": "REQUEST_CHANGES", "body": "Not yet.",
        "comments": [{ "path": "price.txt", "line": 1, "side": "RIGHT", "body": "Use cents." }] });
    platform.world.want_changes(number, &wish).await;
    let pull = u64::try_from(number).expect("positive");
    platform
        .world
        .sim
        .comment(REPOSITORY, pull, "Hurry.", "stranger")
        .expect("a comment");
    let said = host
        .remarks(&at, number, true, Timestamp::UNIX_EPOCH)
        .await
        .expect("remarks");
    let mut told: Vec<_> = said
        .iter()
        .map(|remark| {
            let author = remark.author.as_ref().expect("an author").login.as_str();
            (remark.kind, author, remark.body.as_str(), remark.place.as_deref())
        })
        .collect();
    told.sort_by_key(|(kind, ..)| kind.as_str());
    let expected = [
        (RemarkKind::Comment, "stranger", "Hurry.", None),
        (RemarkKind::Review, "alice", "Not yet.", None),
        (
            RemarkKind::ReviewComment,
            "alice",
            "Use cents.",
            Some("price.txt:1"),
        ),
    ];
    assert_eq!(told, expected, "our own words are no remarks");
    let later = host
        .remarks(&at, number, true, Timestamp::MAX)
        .await
        .expect("remarks");
    assert_eq!(later, []);
    let of_issue = host
        .remarks(&at, ISSUE, false, Timestamp::UNIX_EPOCH)
        .await
        .expect("remarks");
    assert_eq!(of_issue, []);
    platform.end().await;
}
