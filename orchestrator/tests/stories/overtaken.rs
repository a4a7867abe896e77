//! Writes that an ended run left behind: none of them speaks into another's life.

use jiff::SignedDuration;
use orchestrator::credential::MasterKey;
use orchestrator::effect::{self, Claimed, Effect, EffectState, Outcome, Write};
use orchestrator::page::PageAsk;
use orchestrator::run::{self, Failure, FailureReason, FinishReport, Run};
use orchestrator::testing::{Seeded, TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Clock, Orchestrator};

const SHA: &str = "0123456789012345678901234567890123456789";

async fn effects(orchestrator: &Orchestrator) -> Vec<Effect> {
    let page = PageAsk::new(None, None).unwrap();
    let newest_first = effect::list(orchestrator, &Actor::System("test"), None, page).await;
    newest_first.unwrap().items
}

/// The changes of labels, newest first.
async fn labels(orchestrator: &Orchestrator) -> Vec<Effect> {
    let mut all = effects(orchestrator).await;
    all.retain(|effect| matches!(effect.write, Write::Labels { .. }));
    all
}

async fn running(orchestrator: &Orchestrator, project: &Seeded, stage: &str) -> Run {
    let mut new = project.new_run(Some(7));
    new.stage = stage.into();
    run::start(orchestrator, &Actor::System("test"), new, None)
        .await
        .unwrap();
    admit_and_run(orchestrator).await.unwrap()
}

async fn fail(orchestrator: &Orchestrator, run: &Run) {
    let report = FinishReport {
        failure: Some(Failure::new(FailureReason::AgentError, "exit_code")),
        ..FinishReport::default()
    };
    run::finish(orchestrator, &supervisor_of(run), report)
        .await
        .unwrap();
    run::pod_proven_gone(orchestrator, run.lease()).await.unwrap();
}

async fn propose(orchestrator: &Orchestrator, run: &Run, head_sha: Option<&str>) -> Effect {
    let head_sha = head_sha.map(str::to_owned);
    effect::open_pull_request(orchestrator, &supervisor_of(run), None, None, head_sha, None)
        .await
        .unwrap()
}

async fn state_of(orchestrator: &Orchestrator, effect: &Effect) -> EffectState {
    let now = effect::get(orchestrator, &Actor::System("test"), effect.effect_id).await;
    now.unwrap().state
}

#[tokio::test]
async fn a_cancelled_run_writes_no_more_of_its_own() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let run = running(&orchestrator, &project, "dev").await;
    let comment = effect::ask_comment(&orchestrator, &agent_of(&run), None, "I am on it", None)
        .await
        .unwrap();
    let pull_request = propose(&orchestrator, &run, Some(SHA)).await;
    assert_eq!(pull_request.state, EffectState::Ready);
    run::cancel(&orchestrator, &project.maintainer, run.run_id, None, None)
        .await
        .unwrap();
    assert_eq!(state_of(&orchestrator, &comment).await, EffectState::Superseded);
    assert_eq!(
        state_of(&orchestrator, &pull_request).await,
        EffectState::Superseded
    );
    run::pod_proven_gone(&orchestrator, run.lease()).await.unwrap();
    let mut told = effects(&orchestrator).await;
    told.retain(|effect| effect.state == EffectState::Ready);
    assert_eq!(
        told.len(),
        2,
        "the platform's own comment and labels stay: {told:#?}"
    );
    db.done().await;
}

#[tokio::test]
async fn what_a_failed_run_never_released_is_over_with_it() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let run = running(&orchestrator, &project, "dev").await;
    let pull_request = propose(&orchestrator, &run, None).await;
    assert_eq!(pull_request.state, EffectState::Proposed);
    fail(&orchestrator, &run).await;
    assert_eq!(
        state_of(&orchestrator, &pull_request).await,
        EffectState::Superseded
    );
    db.done().await;
}

#[tokio::test]
async fn a_late_change_of_labels_takes_nothing_from_the_next_run() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let first = running(&orchestrator, &project, "dev").await;
    fail(&orchestrator, &first).await;
    assert_eq!(labels(&orchestrator).await[0].state, EffectState::Ready);
    let second = running(&orchestrator, &project, "dev").await;
    assert_eq!(
        labels(&orchestrator).await[0].state,
        EffectState::Superseded,
        "it would take away the label of the run that lives now"
    );
    fail(&orchestrator, &second).await;
    let third = running(&orchestrator, &project, "qa").await;
    assert_eq!(
        labels(&orchestrator).await[0].state,
        EffectState::Ready,
        "another stage has another label"
    );
    fail(&orchestrator, &third).await;
    let left = labels(&orchestrator).await;
    let ready: Vec<_> = left
        .iter()
        .filter(|effect| effect.state == EffectState::Ready)
        .collect();
    assert_eq!(ready.len(), 1, "one change that says all: {left:#?}");
    let Write::Labels { add, remove } = &ready[0].write else {
        panic!("{ready:#?}")
    };
    assert_eq!(add, &["state:qa-failed", "state:dev-failed"]);
    assert_eq!(remove, &["run:qa", "state:qa-done", "run:dev", "state:dev-done"]);
    db.done().await;
}

#[tokio::test]
async fn a_newer_text_of_a_write_that_failed_has_its_own_tries_and_is_looked_for_first() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let status = effects(&orchestrator).await.remove(0);
    let mut refused = 0;
    while refused < 2 {
        clock.advance(SignedDuration::from_hours(1));
        let claimed = effect::claim(&orchestrator, status.effect_id, "worker-1").await;
        let Claimed::Yes(claim) = claimed.unwrap() else {
            panic!("it is due")
        };
        let outcome = match refused {
            0 => Outcome::Unknown("lost".into()),
            _ => Outcome::Rejected("no".into()),
        };
        effect::settle(&orchestrator, &claim, outcome).await.unwrap();
        refused += 1;
    }
    assert_eq!(state_of(&orchestrator, &status).await, EffectState::Failed);
    admit_and_run(&orchestrator).await.unwrap();
    clock.advance(SignedDuration::from_hours(1));
    let claimed = effect::claim(&orchestrator, status.effect_id, "worker-1").await;
    let Claimed::Yes(claim) = claimed.unwrap() else {
        panic!("the newer text is due")
    };
    assert_eq!(claim.effect.attempts, 1);
    assert!(claim.look_first, "the lost answer may have been a yes");
    db.done().await;
}

#[tokio::test]
async fn waiting_because_the_host_asks_for_it_is_no_try() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let status = effects(&orchestrator).await.remove(0);
    for _ in 0..3 {
        clock.advance(SignedDuration::from_hours(1));
        let claimed = effect::claim(&orchestrator, status.effect_id, "worker-1").await;
        let Claimed::Yes(claim) = claimed.unwrap() else {
            panic!("it is due")
        };
        assert_eq!((claim.effect.attempts, claim.look_first), (1, false));
        let wait = Outcome::Wait(std::time::Duration::from_mins(1), "slow down".into());
        effect::settle(&orchestrator, &claim, wait).await.unwrap();
    }
    db.done().await;
}
