//! Text of other people and of runners, on its way out.

use orchestrator::effect::{self, Write};
use orchestrator::page::PageAsk;
use orchestrator::run::{self, Failure, FailureReason, FinishReport};
use orchestrator::testing::{TestDb, admit_and_run, seed, supervisor_of};
use orchestrator::{Actor, Orchestrator};

/// In the shape of an installation token.
fn token() -> String {
    format!("ghs_{}", "a".repeat(36))
}

async fn writes(orchestrator: &Orchestrator) -> Vec<Write> {
    let page = PageAsk::new(None, None).unwrap();
    let all = effect::list(orchestrator, &Actor::System("test"), None, page).await;
    all.unwrap()
        .items
        .into_iter()
        .map(|effect| effect.write)
        .collect()
}

#[tokio::test]
async fn an_issues_title_is_checked_before_it_becomes_a_pull_requests() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    sqlx::query(
        "INSERT INTO work_items (repository_id, number, kind, title, state, labels, url, as_of)
         VALUES ($1, 7, 'issue', $2, 'open', '{}', 'u', now())",
    )
    .bind(project.repository_id.uuid())
    .bind(format!("it says {}", token()))
    .execute(db.pool())
    .await
    .unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let opened = effect::open_pull_request(&orchestrator, &supervisor_of(&run), None, None, None, None).await;
    let Write::PullRequest { title, .. } = opened.unwrap().write else {
        panic!("a pull request was asked for")
    };
    assert_eq!(title, "Work on #7");
    db.done().await;
}

#[tokio::test]
async fn a_runners_word_for_its_failure_is_checked_before_people_read_it() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    for (number, case, told) in [
        (7, token(), "left out"),
        (
            8,
            "exit\n\n# @all".to_owned(),
            "agent_error: exit  # @\u{200b}all",
        ),
    ] {
        project.start(&orchestrator, Some(number)).await.unwrap();
        let run = admit_and_run(&orchestrator).await.unwrap();
        let report = FinishReport {
            failure: Some(Failure::new(FailureReason::AgentError, &case)),
            ..FinishReport::default()
        };
        run::finish(&orchestrator, &supervisor_of(&run), report)
            .await
            .unwrap();
        let comment = writes(&orchestrator)
            .await
            .into_iter()
            .find_map(|write| match write {
                Write::StatusComment { body } if body.contains(&run.run_id.to_string()) => Some(body),
                _ => None,
            });
        let comment = comment.unwrap();
        assert!(comment.contains(told), "{comment}");
        assert!(!comment.contains(&token()), "{comment}");
    }
    db.done().await;
}
