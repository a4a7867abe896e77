//! A run's life, step by step.

use jiff::SignedDuration;
use orchestrator::approval::{self, WaitKind};
use orchestrator::credential::MasterKey;
use orchestrator::effect::{self, Write};
use orchestrator::page::PageAsk;
use orchestrator::ports::cluster::RunnerKey;
use orchestrator::run::{self, Failure, FailureReason, FinishReport, Parked, Proof, RunState, Snapshot};
use orchestrator::slot::{self, SlotState};
use orchestrator::testing::{TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Clock, Error, receiver};

const SHA: &str = "0123456789012345678901234567890123456789";

fn system() -> Actor {
    Actor::System("test")
}

#[tokio::test]
async fn a_run_goes_from_queued_to_a_proven_pull_request() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let supervisor = supervisor_of(&run);

    let report = FinishReport {
        head_sha: Some(SHA.into()),
        ..FinishReport::default()
    };
    let state = run::finish(&orchestrator, &supervisor, report.clone())
        .await
        .unwrap();
    assert_eq!(state, RunState::Finishing);
    let again = run::finish(&orchestrator, &supervisor, report).await.unwrap();
    assert_eq!(again, RunState::Finishing, "a repeat hears the first result");

    let proof = Proof::PullRequest {
        number: 8,
        url: "http://host/pull/8".into(),
    };
    assert!(run::settle(&orchestrator, run.run_id, proof).await.unwrap());
    let ended = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(ended.state, RunState::Succeeded);
    assert_eq!(ended.pull_request_number, Some(8));

    let slot = slot::get(&orchestrator, &system(), run.state.slot().unwrap())
        .await
        .unwrap();
    assert!(
        matches!(slot.state, SlotState::Draining { .. }),
        "only a proof frees it: {:?}",
        slot.state
    );
    run::pod_proven_gone(&orchestrator, run.lease()).await.unwrap();
    let slot = slot::get(&orchestrator, &system(), slot.slot_id).await.unwrap();
    assert_eq!(slot.state, SlotState::Free);

    let (events, over) = run::events(&orchestrator, &system(), run.run_id, 0)
        .await
        .unwrap();
    assert!(over);
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(
        seqs,
        (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>(),
        "no gaps"
    );
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "queued",
            "admitted",
            "starting",
            "running",
            "finishing",
            "succeeded"
        ]
    );
    db.done().await;
}

#[tokio::test]
async fn an_issue_has_one_live_run_and_a_trigger_makes_one_for_ever() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let first = project.start(&orchestrator, Some(7)).await.unwrap();
    let second = project.start(&orchestrator, Some(7)).await;
    assert!(matches!(second, Err(Error::Conflict(text)) if text.contains(&first.run_id.to_string())));

    run::cancel(&orchestrator, &project.maintainer, first.run_id, None, None)
        .await
        .unwrap();
    let mut triggered = project.new_run(Some(7));
    triggered.source_key = Some("1:7:run:dev:2026".into());
    let by_trigger = run::start(&orchestrator, &project.maintainer, triggered.clone(), None)
        .await
        .unwrap();
    run::cancel(&orchestrator, &project.maintainer, by_trigger.run_id, None, None)
        .await
        .unwrap();
    let again = run::start(&orchestrator, &project.maintainer, triggered, None)
        .await
        .unwrap();
    assert_eq!(again.run_id, by_trigger.run_id);
    db.done().await;
}

#[tokio::test]
async fn a_parked_run_gives_its_pod_back_and_resumes_with_the_answer() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let (supervisor, agent) = (supervisor_of(&run), agent_of(&run));

    let nothing_asked = run::park(&orchestrator, &supervisor).await;
    assert!(matches!(nothing_asked, Err(Error::Precondition(_))));
    let hour = SignedDuration::from_hours(1);
    let wait = approval::ask(&orchestrator, &agent, WaitKind::Question, "Which one?", hour)
        .await
        .unwrap();
    let no_snapshot = run::park(&orchestrator, &supervisor).await;
    assert!(matches!(no_snapshot, Err(Error::Precondition(_))));
    put_snapshot(&orchestrator, &supervisor).await;
    assert!(matches!(
        run::park(&orchestrator, &supervisor).await.unwrap(),
        Parked::Parked
    ));
    let why = run::explain(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(why.waits_for, Some("person"), "{why:?}");
    assert!(why.summary.contains("Which one?"), "{why:?}");

    let late = run::heartbeat(&orchestrator, &supervisor).await;
    assert!(matches!(late, Err(Error::StaleTurn)));
    let own_answer = approval::answer(&orchestrator, &agent, wait.wait_id, "the first").await;
    assert!(own_answer.is_err(), "the requester never decides");
    approval::answer(&orchestrator, &project.maintainer, wait.wait_id, "the first")
        .await
        .unwrap();

    let resumed = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(resumed.state, RunState::Queued);
    assert!(
        run::admit_next(&orchestrator).await.unwrap().is_none(),
        "its last pod is not proven gone"
    );
    let why = run::explain(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(why.waits_for, Some("pod_proof"), "{why:?}");
    run::pod_proven_gone(&orchestrator, run.lease()).await.unwrap();
    let second = admit_and_run(&orchestrator).await.unwrap();
    assert_eq!((second.turn, second.fence), (2, 2));
    assert_eq!(
        second.state.slot(),
        run.state.slot(),
        "the held slot goes back to its run"
    );
    let context = run::context(&orchestrator, &supervisor_of(&second))
        .await
        .unwrap();
    assert_eq!(context.answers[0].answer.as_deref(), Some("the first"));
    assert!(context.has_snapshot);
    db.done().await;
}

#[tokio::test]
async fn an_admitted_run_waits_for_a_worker() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let run = project.start(&orchestrator, Some(7)).await.unwrap();
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), Some(run.run_id));
    let why = run::explain(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(why.waits_for, Some("worker"), "{why:?}");
    assert!(why.next.is_some(), "{why:?}");
    db.done().await;
}

pub(crate) async fn put_snapshot(orchestrator: &orchestrator::Orchestrator, supervisor: &Actor) {
    let snapshot = Snapshot {
        session: "s".into(),
        path: "p".into(),
        // SHA-256 of nothing.
        sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
        data: vec![],
    };
    run::put_snapshot(orchestrator, supervisor, &snapshot)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_cancelled_run_ends_when_its_pod_is_proven_gone() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let hour = SignedDuration::from_hours(1);
    let wait = approval::ask(&orchestrator, &agent_of(&run), WaitKind::Question, "?", hour)
        .await
        .unwrap();
    let cancelling = run::cancel(&orchestrator, &project.maintainer, run.run_id, None, None)
        .await
        .unwrap();
    assert_eq!(cancelling.state, RunState::Cancelling);
    let wait = approval::get(&orchestrator, &system(), wait.wait_id)
        .await
        .unwrap();
    assert!(!wait.is_open(), "nobody is asked for an answer that nobody wants");
    let again = run::cancel(&orchestrator, &project.maintainer, run.run_id, None, None)
        .await
        .unwrap();
    assert_eq!(again.fence, cancelling.fence, "asking twice changes nothing");
    let late = run::finish(&orchestrator, &supervisor_of(&run), FinishReport::default()).await;
    assert!(matches!(late, Err(Error::StaleTurn)));
    run::pod_proven_gone(&orchestrator, run.lease()).await.unwrap();
    let ended = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(ended.state, RunState::Cancelled);
    db.done().await;
}

#[tokio::test]
async fn silence_fails_a_run_only_while_somebody_could_hear() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();

    clock.advance(SignedDuration::from_mins(10));
    assert_eq!(run::reap(&orchestrator).await.unwrap(), 0, "no receiver was up");
    receiver::beat(&orchestrator, "mcp-1").await.unwrap();
    assert_eq!(
        run::reap(&orchestrator).await.unwrap(),
        0,
        "the receiver came just now"
    );
    for _ in 0..13 {
        clock.advance(SignedDuration::from_secs(10));
        receiver::beat(&orchestrator, "mcp-1").await.unwrap();
    }
    assert_eq!(run::reap(&orchestrator).await.unwrap(), 1);
    let ended = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    let RunState::Failed(failure) = ended.state else {
        panic!("{:?}", ended.state)
    };
    assert_eq!(failure.reason, FailureReason::PodLost);
    db.done().await;
}

#[tokio::test]
async fn a_run_whose_pod_is_never_asked_for_gives_its_slot_back() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let run = project.start(&orchestrator, Some(7)).await.unwrap();
    run::admit_next(&orchestrator).await.unwrap();
    clock.advance(SignedDuration::from_hours(2));
    assert_eq!(
        run::reap(&orchestrator).await.unwrap(),
        0,
        "the platform was away"
    );
    for _ in 0..=360 {
        receiver::beat(&orchestrator, "mcp-1").await.unwrap();
        clock.advance(SignedDuration::from_secs(10));
    }
    assert_eq!(run::reap(&orchestrator).await.unwrap(), 1);
    let ended = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    let RunState::Failed(failure) = ended.state else {
        panic!("{:?}", ended.state)
    };
    assert_eq!(failure.to_string(), "start_timeout: not_started");
    db.done().await;
}

#[tokio::test]
async fn active_time_used_up_stops_a_run() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    clock.advance(SignedDuration::from_secs(run.active_seconds_limit));
    let beat = run::heartbeat(&orchestrator, &supervisor_of(&run)).await.unwrap();
    assert!(beat.stop);
    assert_eq!(run::reap(&orchestrator).await.unwrap(), 1);
    let ended = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(ended.state, RunState::TimedOut);
    assert_eq!(ended.active_seconds, run.active_seconds_limit);
    db.done().await;
}

/// The runner sees only that its agent is gone; the cluster knows why.
#[rstest::rstest]
#[case::the_cluster_speaks_first(true)]
#[case::the_runner_speaks_first(false)]
#[tokio::test]
async fn a_lost_agent_that_ran_out_of_memory_is_told_so(#[case] cluster_first: bool) {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let key = |fence| RunnerKey {
        project: "alpha".into(),
        run_id: run.run_id,
        turn: run.turn,
        fence,
    };
    run::agent_out_of_memory(&orchestrator, &key(run.fence - 1))
        .await
        .unwrap();
    if cluster_first {
        run::agent_out_of_memory(&orchestrator, &key(run.fence))
            .await
            .unwrap();
    }
    let lost =
        Failure::new(FailureReason::Environment, "agent_lost").with_detail("its work is on the branch");
    let report = FinishReport {
        failure: Some(lost),
        ..FinishReport::default()
    };
    let state = run::finish(&orchestrator, &supervisor_of(&run), report)
        .await
        .unwrap();
    let sub_reason = |state: &RunState| match state {
        RunState::Failed(failure) => failure.sub_reason.clone(),
        other => panic!("{other}"),
    };
    let told = if cluster_first { "oom" } else { "agent_lost" };
    assert_eq!(sub_reason(&state).as_deref(), Some(told));
    // The watcher looks again and again, at the container and at the pod that ended.
    run::agent_out_of_memory(&orchestrator, &key(run.fence))
        .await
        .unwrap();
    run::pod_ended(&orchestrator, &key(run.fence), None, true)
        .await
        .unwrap();
    let ended = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(sub_reason(&ended.state).as_deref(), Some("oom"));
    let RunState::Failed(failure) = &ended.state else {
        panic!("{}", ended.state)
    };
    assert!(
        failure
            .detail
            .as_ref()
            .unwrap()
            .ends_with("its work is on the branch")
    );
    let (events, _) = run::events(&orchestrator, &system(), run.run_id, 0)
        .await
        .unwrap();
    let explained = events.iter().filter(|event| event.kind == "failure_explained");
    assert_eq!(explained.count(), usize::from(!cluster_first));
    let page = PageAsk::new(None, None).unwrap();
    let effects = effect::list(&orchestrator, &system(), None, page).await.unwrap();
    let comment = effects.items.iter().find_map(|effect| match &effect.write {
        Write::StatusComment { body } => Some(body.clone()),
        _ => None,
    });
    assert!(comment.unwrap().contains("environment: oom"));
    db.done().await;
}

#[tokio::test]
async fn another_failure_stays_what_it_is() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let report = FinishReport {
        failure: Some(Failure::new(FailureReason::WriteScope, "path")),
        ..FinishReport::default()
    };
    let state = run::finish(&orchestrator, &supervisor_of(&run), report)
        .await
        .unwrap();
    let key = RunnerKey {
        project: "alpha".into(),
        run_id: run.run_id,
        turn: run.turn,
        fence: run.fence,
    };
    run::agent_out_of_memory(&orchestrator, &key).await.unwrap();
    let ended = run::get(&orchestrator, &system(), run.run_id).await.unwrap();
    assert_eq!(ended.state, state);
    db.done().await;
}

#[tokio::test]
async fn a_full_log_still_has_room_for_what_the_supervisor_says() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, None).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let supervisor = supervisor_of(&run);
    let piece = "x".repeat(run::MAX_LOG_PIECE_BYTES);
    let mut end = 0;
    while end < run::MAX_LOG_BYTES {
        end = run::append_log(&orchestrator, &supervisor, "agent", end, &piece)
            .await
            .unwrap();
    }
    let more = run::append_log(&orchestrator, &supervisor, "agent", end, "more").await;
    assert!(matches!(more, Err(Error::TooLarge(_))));
    let said = run::append_log(&orchestrator, &supervisor, "supervisor", 0, "it is full").await;
    assert_eq!(said.unwrap(), 10);
    db.done().await;
}

#[tokio::test]
async fn a_log_piece_sent_twice_is_kept_once_and_a_gap_is_asked_for() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, None).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let supervisor = supervisor_of(&run);
    let append =
        |offset, text: &'static str| run::append_log(&orchestrator, &supervisor, "agent", offset, text);
    assert_eq!(append(0, "one ").await.unwrap(), 4);
    assert_eq!(append(0, "one ").await.unwrap(), 4, "a repeat");
    assert_eq!(append(2, "e two").await.unwrap(), 7, "an overlap");
    assert_eq!(append(100, "far").await.unwrap(), 7, "a gap: send again from 7");
    let (pieces, _) = run::log_tail(&orchestrator, &system(), run.run_id, None, "agent", 1)
        .await
        .unwrap();
    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert_eq!(text, "ne two");
    db.done().await;
}

#[tokio::test]
async fn what_an_agent_says_last_can_always_be_stored() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    run::report_status(&orchestrator, &agent_of(&run), "half\0done", None)
        .await
        .unwrap();
    let failure = Failure::new(FailureReason::AgentError, "exit\0code").with_detail("x\0".repeat(5000));
    let report = FinishReport {
        failure: Some(failure),
        last_message: Some("I read a binary file: \0\0".into()),
        ..FinishReport::default()
    };
    let state = run::finish(&orchestrator, &supervisor_of(&run), report)
        .await
        .unwrap();
    let RunState::Failed(failure) = state else {
        panic!("{state}")
    };
    assert_eq!(failure.sub_reason.as_deref(), Some("exit\u{fffd}code"));
    assert_eq!(failure.detail.map(|detail| detail.chars().count()), Some(2000));
    db.done().await;
}

#[tokio::test]
async fn an_agent_does_not_fill_the_timeline() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let report = async || run::report_status(&orchestrator, &agent_of(&run), "Still here.", None).await;
    report().await.unwrap();
    sqlx::query(
        "WITH here AS (UPDATE runs SET event_seq = event_seq + $2 RETURNING run_id, turn, event_seq - $2 AS seq)
         INSERT INTO run_events (run_id, seq, turn, kind, detail, actor, at)
         SELECT run_id, seq + n, turn, 'status_reported', '{}', $1, now() FROM here, generate_series(1, $2) n",
    )
    .bind(agent_of(&run).to_string())
    .bind(run::MAX_STATUS_REPORTS - 2)
    .execute(db.pool())
    .await
    .unwrap();
    report().await.unwrap();
    let refused = report().await;
    assert!(matches!(refused, Err(Error::Capacity(_))), "{refused:?}");
    db.done().await;
}

#[tokio::test]
async fn a_caller_chooses_among_models_and_efforts_that_exist() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let start = |change: fn(&mut run::NewRun)| {
        let mut new = project.new_run(Some(7));
        change(&mut new);
        run::start(&orchestrator, &project.maintainer, new, None)
    };
    let unknown = start(|new| new.model = Some("made-up".into())).await;
    assert!(matches!(unknown, Err(Error::Invalid(_))), "{unknown:?}");
    let unknown = start(|new| new.effort = Some("utter".into())).await;
    assert!(matches!(unknown, Err(Error::Invalid(_))), "{unknown:?}");
    start(|new| new.effort = Some("high".into())).await.unwrap();
    db.done().await;
}
