//! What ends a run from outside, what comes too late for it, and what a retried event must not start.

use orchestrator::delivery::{self, Verdict};
use orchestrator::effect::{self, Claimed, EffectKind, EffectResult, Outcome};
use orchestrator::run::{self, FinishReport, RunState};
use orchestrator::testing::{admit_and_run, supervisor_of};
use orchestrator::trigger::IgnoreReason;
use orchestrator::{Actor, Error, repository};
use serde_json::{Value, json};

use crate::inbox::{Inbox, T0, T1, T2, changed, labeled, open_issue};

const SHA: &str = "0123456789012345678901234567890123456789";

fn act(action: &str, event: Value) -> Value {
    let mut event = event;
    event["action"] = json!(action);
    event
}

async fn labelled(inbox: &Inbox) -> orchestrator::id::RunId {
    let read = open_issue(&["run:dev"]);
    let verdict = inbox
        .verdict("label", "issues", &labeled("run:dev", T0), &read)
        .await;
    let Verdict::RunCreated(run_id) = verdict else {
        panic!("{verdict:?}")
    };
    run_id
}

/// Has the run's pull request opened, under number 8.
async fn opened(inbox: &Inbox, run: &run::Run) {
    let orchestrator = &inbox.orchestrator;
    let head = Some(SHA.to_owned());
    effect::open_pull_request(
        orchestrator,
        &supervisor_of(run),
        Some("Price".into()),
        None,
        head,
        None,
    )
    .await
    .unwrap();
    for staged in inbox.effects().await {
        if staged.write.kind() != EffectKind::PullRequest {
            continue;
        }
        let Claimed::Yes(claim) = effect::claim(orchestrator, staged.effect_id, "worker")
            .await
            .unwrap()
        else {
            panic!("the lane is free")
        };
        let result = EffectResult {
            number: Some(8),
            ..EffectResult::default()
        };
        effect::settle(orchestrator, &claim, Outcome::Done(result))
            .await
            .unwrap();
    }
}

fn pull_request_closed() -> Value {
    let mut event = act("closed", labeled("run:dev", T1));
    let item = event["issue"].take();
    event.as_object_mut().unwrap().remove("issue");
    event["pull_request"] = item;
    event["pull_request"]["number"] = json!(8);
    event["pull_request"]["state"] = json!("closed");
    event
}

#[tokio::test]
async fn closing_its_pull_request_ends_the_run() {
    let inbox = Inbox::new().await;
    let run_id = labelled(&inbox).await;
    let run = admit_and_run(&inbox.orchestrator).await.unwrap();
    opened(&inbox, &run).await;
    let closed = changed(open_issue(&[]), |pull| {
        (pull.number, pull.open, pull.is_pull_request) = (8, false, true);
    });
    let verdict = inbox
        .verdict("closed", "pull_request", &pull_request_closed(), &closed)
        .await;
    assert_eq!(verdict, Verdict::RunEnded(run_id));
    let audited =
        "SELECT count(*) FROM audit_entries WHERE operation = 'run_end' AND cause LIKE 'delivery %'";
    assert_eq!(inbox.count(audited).await, 1);
    inbox.db.done().await;
}

#[tokio::test]
async fn a_finishing_run_is_not_ended_and_the_reason_says_so() {
    let inbox = Inbox::new().await;
    let run_id = labelled(&inbox).await;
    let run = admit_and_run(&inbox.orchestrator).await.unwrap();
    opened(&inbox, &run).await;
    let report = FinishReport {
        head_sha: Some(SHA.into()),
        ..FinishReport::default()
    };
    run::finish(&inbox.orchestrator, &supervisor_of(&run), report)
        .await
        .unwrap();
    for (guid, name, event) in [
        ("unlabeled", "issues", act("unlabeled", labeled("run:dev", T1))),
        ("closed", "issues", act("closed", labeled("run:dev", T1))),
        ("pull", "pull_request", pull_request_closed()),
    ] {
        let verdict = inbox.settled(guid, name, &event).await;
        assert_eq!(verdict, Verdict::Ignored(IgnoreReason::Finishing), "{guid}");
    }
    let run = run::get(&inbox.orchestrator, &Actor::System("test"), run_id)
        .await
        .unwrap();
    assert_eq!(run.state, RunState::Finishing);
    inbox.db.done().await;
}

/// GitHub was away: the label waits for its verdict while the removal, which needs no look, gets its own.
#[tokio::test]
async fn a_label_taken_back_before_it_was_worked_on_starts_nothing() {
    let inbox = Inbox::new().await;
    let read = open_issue(&[]);
    let waiting = inbox.receive("label", "issues", &labeled("run:dev", T0)).await;
    let removal = act("unlabeled", labeled("run:dev", T1));
    let verdict = inbox.settled("removal", "issues", &removal).await;
    assert_eq!(verdict, Verdict::Ignored(IgnoreReason::NothingToEnd));
    let again = inbox.receive("again", "issues", &labeled("run:dev", T2)).await;
    let other = inbox.receive("other", "issues", &labeled("run:qa", T0)).await;
    let verdict = inbox.work(waiting.delivery_id, &read).await;
    assert_eq!(verdict, Verdict::Ignored(IgnoreReason::MovedOn));
    let verdict = inbox.work(again.delivery_id, &read).await;
    assert!(
        matches!(verdict, Verdict::RunCreated(_)),
        "it was set again: {verdict:?}"
    );
    let verdict = inbox.work(other.delivery_id, &read).await;
    assert!(
        matches!(verdict, Verdict::Conflict(_)),
        "another label: {verdict:?}"
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn nobody_starts_a_run_in_a_detached_repository() {
    let inbox = Inbox::new().await;
    let first = inbox.project.start(&inbox.orchestrator, Some(1)).await.unwrap();
    run::cancel(
        &inbox.orchestrator,
        &inbox.project.maintainer,
        first.run_id,
        None,
        None,
    )
    .await
    .unwrap();
    repository::detach(
        &inbox.orchestrator,
        &Actor::System("test"),
        inbox.project.repository_id,
        None,
    )
    .await
    .unwrap();
    let started = inbox.project.start(&inbox.orchestrator, Some(1)).await;
    assert!(
        matches!(&started, Err(Error::Conflict(why)) if why.contains("detached")),
        "{started:?}"
    );
    let retried = run::retry(&inbox.orchestrator, &inbox.project.maintainer, first.run_id, None).await;
    assert!(
        matches!(&retried, Err(Error::Conflict(why)) if why.contains("detached")),
        "{retried:?}"
    );
    inbox.db.done().await;
}

/// The retry of a run holds its issue and refers to its delivery, the delivery's replay holds the delivery and wants the
/// issue: a lock that forbids the reference would make one of them the victim.
#[tokio::test]
async fn a_delivery_being_worked_on_can_be_referred_to() {
    let inbox = Inbox::new().await;
    let received = inbox.receive("label", "issues", &labeled("run:dev", T0)).await;
    let mut retry = inbox.db.pool().begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('work_item:' || $1::text || ':1', 0))")
        .bind(inbox.project.repository_id.uuid())
        .execute(&mut *retry)
        .await
        .unwrap();
    let orchestrator = inbox.orchestrator.clone();
    let working =
        tokio::spawn(async move { delivery::examine(&orchestrator, received.delivery_id, None).await });
    while inbox
        .count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        .await
        == 0
    {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    sqlx::query("SELECT FROM deliveries WHERE delivery_id = $1 FOR KEY SHARE NOWAIT")
        .bind(received.delivery_id.uuid())
        .execute(&mut *retry)
        .await
        .expect("it can be referred to");
    retry.rollback().await.unwrap();
    working.await.unwrap().unwrap();
    inbox.db.done().await;
}
