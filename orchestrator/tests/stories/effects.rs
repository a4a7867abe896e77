//! Outward writes: staged once, applied once, in one lane.

use std::time::Duration;

use jiff::SignedDuration;
use orchestrator::credential::MasterKey;
use orchestrator::effect::{self, Claim, Claimed, Effect, EffectResult, EffectState, Outcome, Write};
use orchestrator::page::PageAsk;
use orchestrator::testing::{TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Clock, Error, Orchestrator};

async fn effects(orchestrator: &Orchestrator) -> Vec<Effect> {
    let page = PageAsk::new(None, None).unwrap();
    effect::list(orchestrator, &Actor::System("test"), None, page)
        .await
        .unwrap()
        .items
}

async fn claim(orchestrator: &Orchestrator, effect: &Effect) -> Option<Claim> {
    match effect::claim(orchestrator, effect.effect_id, "worker-1")
        .await
        .unwrap()
    {
        Claimed::Yes(claim) => Some(*claim),
        Claimed::Later(_) | Claimed::No => None,
    }
}

#[tokio::test]
async fn one_status_comment_per_issue_and_the_newest_body_wins() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let staged = effects(&orchestrator).await;
    assert_eq!(staged.len(), 1);
    let first = claim(&orchestrator, &staged[0]).await.expect("it is due at once");

    admit_and_run(&orchestrator).await.unwrap();
    let result = EffectResult {
        comment_id: Some(5),
        ..EffectResult::default()
    };
    let state = effect::settle(&orchestrator, &first, Outcome::Done(result))
        .await
        .unwrap();
    assert_eq!(state, EffectState::Ready, "its body changed while it was written");
    assert!(
        claim(&orchestrator, &staged[0]).await.is_none(),
        "at most one edit per 30 s"
    );
    clock.advance(SignedDuration::from_secs(31));
    let second = claim(&orchestrator, &staged[0]).await.expect("it is due again");
    assert_eq!(
        second.effect.result.as_ref().and_then(|result| result.comment_id),
        Some(5)
    );
    assert!(matches!(&second.effect.write, Write::StatusComment { body } if body.contains("running")));
    assert_eq!(effects(&orchestrator).await.len(), 1);
    db.done().await;
}

#[tokio::test]
async fn the_lane_lets_one_write_through_at_a_time_and_waits_as_a_whole() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    project.start(&orchestrator, Some(1)).await.unwrap();
    project.start(&orchestrator, Some(2)).await.unwrap();
    let staged = effects(&orchestrator).await;
    let held = claim(&orchestrator, &staged[0]).await.expect("the lane is free");
    assert!(
        claim(&orchestrator, &staged[1]).await.is_none(),
        "somebody writes"
    );
    let wait = Outcome::Wait(Duration::from_mins(1), "secondary rate limit".into());
    effect::settle(&orchestrator, &held, wait).await.unwrap();
    clock.advance(SignedDuration::from_secs(30));
    assert!(
        claim(&orchestrator, &staged[1]).await.is_none(),
        "the host asked the whole lane to wait"
    );
    let shown = effect::get(&orchestrator, &Actor::System("test"), staged[1].effect_id)
        .await
        .unwrap();
    assert!(shown.reason.unwrap().contains("secondary rate limit"));
    clock.advance(SignedDuration::from_secs(31));
    assert!(claim(&orchestrator, &staged[1]).await.is_some());
    db.done().await;
}

#[tokio::test]
async fn a_write_whose_worker_died_is_taken_over_and_looked_for_first() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(1)).await.unwrap();
    let staged = effects(&orchestrator).await;
    let dead = claim(&orchestrator, &staged[0]).await.unwrap();
    assert!(!dead.look_first);
    clock.advance(SignedDuration::from_secs(46));
    let heir = claim(&orchestrator, &staged[0])
        .await
        .expect("its worker is dead");
    assert!(heir.look_first);
    let late = effect::settle(&orchestrator, &dead, Outcome::Done(EffectResult::default())).await;
    assert!(
        matches!(late, Err(Error::Conflict(_))),
        "a worker that wakes late changes nothing"
    );
    let state = effect::settle(&orchestrator, &heir, Outcome::Done(EffectResult::default()))
        .await
        .unwrap();
    assert_eq!(state, EffectState::Applied);
    db.done().await;
}

#[tokio::test]
async fn an_agent_writes_to_its_own_issue_only_and_never_steers_the_platform() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let agent = agent_of(&run);
    let comment = |number, body| effect::ask_comment(&orchestrator, &agent, number, body, None);
    let first = comment(None, "hello").await.unwrap();
    let same = comment(Some(7), "hello").await.unwrap();
    assert_eq!(
        first.effect_id, same.effect_id,
        "the same body in the same turn is the same comment"
    );
    assert!(matches!(
        comment(Some(8), "hello").await,
        Err(Error::NotFound { .. })
    ));
    let secret = comment(None, "my key is sk-abcdefghijklmnopqrstuvwx").await;
    assert!(matches!(secret, Err(Error::Invalid(_))));
    for label in ["run:dev", "RUN:ops", "state:dev-done"] {
        let asked = effect::ask_labels(&orchestrator, &agent, None, vec![label.into()], vec![], None).await;
        assert!(matches!(asked, Err(Error::Forbidden(_))), "{label}");
    }
    for number in 1..20 {
        let body = format!("comment {number}");
        effect::ask_comment(&orchestrator, &agent, None, &body, None)
            .await
            .unwrap();
    }
    assert!(matches!(
        comment(None, "one too many").await,
        Err(Error::Capacity(_))
    ));
    db.done().await;
}

#[tokio::test]
async fn a_pull_request_waits_for_the_push() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let head = || Some("0123456789012345678901234567890123456789".to_owned());
    let (agent, supervisor) = (agent_of(&run), supervisor_of(&run));
    let too_early = effect::open_pull_request(&orchestrator, &agent, None, None, head(), None).await;
    assert!(matches!(too_early, Err(Error::Forbidden(_))));
    let title = || Some("Fix the typo".to_owned());
    let proposed = effect::open_pull_request(&orchestrator, &agent, title(), None, None, None)
        .await
        .unwrap();
    assert_eq!(proposed.state, EffectState::Proposed);
    let released = effect::open_pull_request(&orchestrator, &supervisor, None, None, head(), None)
        .await
        .unwrap();
    assert_eq!(
        (released.effect_id, released.state),
        (proposed.effect_id, EffectState::Ready)
    );
    assert!(matches!(&released.write, Write::PullRequest { title, .. } if title == "Fix the typo"));
    let again = effect::open_pull_request(&orchestrator, &supervisor, None, None, head(), None)
        .await
        .unwrap();
    assert_eq!(again.effect_id, released.effect_id);
    db.done().await;
}

#[tokio::test]
async fn no_run_fills_the_lane_with_labels() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let ask = |label: String| {
        let agent = agent_of(&run);
        let orchestrator = &orchestrator;
        async move { effect::ask_labels(orchestrator, &agent, None, vec![label], vec![], None).await }
    };
    for number in 0..20 {
        ask(format!("label-{number}")).await.unwrap();
    }
    let more = ask("one-more".into()).await;
    assert!(matches!(more, Err(Error::Capacity(_))), "{more:?}");
    db.done().await;
}

#[tokio::test]
async fn a_write_whose_job_was_lost_is_asked_for_again_in_its_own_trace() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let run = project.start(&orchestrator, Some(1)).await.unwrap();
    sqlx::query("DELETE FROM river_job")
        .execute(db.pool())
        .await
        .unwrap();
    assert_eq!(effect::reconcile(&orchestrator).await.unwrap(), 1);
    let (queue, traceparent): (String, Option<String>) =
        sqlx::query_as("SELECT queue, metadata ->> 'traceparent' FROM river_job")
            .fetch_one(db.pool())
            .await
            .unwrap();
    assert_eq!(queue, "outward");
    assert_eq!(traceparent, Some(run.traceparent));
    db.done().await;
}
