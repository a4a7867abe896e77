//! What happens when people and programs act at the same moment.

use jiff::SignedDuration;
use orchestrator::approval::{self, WaitKind};
use orchestrator::run::jobs::StartRunner;
use orchestrator::run::{self, FinishReport, RunState, Snapshot};
use orchestrator::testing::{AUDIENCE, TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Error};

const SHA: &str = "0123456789012345678901234567890123456789";

#[derive(Clone, Copy, Debug)]
enum Act {
    Cancel,
    Park,
    Answer,
    Finish,
}

const ACTS: [Act; 4] = [Act::Cancel, Act::Park, Act::Answer, Act::Finish];

/// All 24 orders in which the four can come to the lock; and all at once, where the lock makes the order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancel_park_answer_and_finish_in_all_orders_leave_one_sound_run() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    for (number, order) in orders().into_iter().enumerate() {
        for together in [false, true] {
            let number = i64::try_from(number * 2 + usize::from(together)).unwrap() + 1;
            project.start(&orchestrator, Some(number)).await.unwrap();
            let running = admit_and_run(&orchestrator).await.unwrap();
            let (supervisor, agent) = (supervisor_of(&running), agent_of(&running));
            let snapshot = Snapshot {
                session: "s".into(),
                path: "p".into(),
                sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
                data: vec![],
            };
            run::put_snapshot(&orchestrator, &supervisor, &snapshot)
                .await
                .unwrap();
            let hour = SignedDuration::from_hours(1);
            let wait = approval::ask(&orchestrator, &agent, WaitKind::Question, "?", hour)
                .await
                .unwrap();

            let acts = order.map(|act| {
                let (orchestrator, maintainer) = (orchestrator.clone(), project.maintainer.clone());
                let (supervisor, run_id, wait_id) = (supervisor.clone(), running.run_id, wait.wait_id);
                async move {
                    match act {
                        Act::Cancel => run::cancel(&orchestrator, &maintainer, run_id, None, None)
                            .await
                            .map(drop),
                        Act::Park => run::park(&orchestrator, &supervisor).await.map(drop),
                        Act::Answer => approval::answer(&orchestrator, &maintainer, wait_id, "yes")
                            .await
                            .map(drop),
                        Act::Finish => {
                            let report = FinishReport {
                                head_sha: Some(SHA.into()),
                                ..FinishReport::default()
                            };
                            run::finish(&orchestrator, &supervisor, report).await.map(drop)
                        }
                    }
                }
            });
            let answers = if together {
                let tasks: Vec<_> = acts.into_iter().map(tokio::spawn).collect();
                let mut answers = Vec::new();
                for task in tasks {
                    answers.push(task.await.unwrap());
                }
                answers
            } else {
                let mut answers = Vec::new();
                for act in acts {
                    answers.push(act.await);
                }
                answers
            };
            for answer in answers {
                if let Err(error) = answer {
                    let expected = matches!(error, Error::Conflict(_) | Error::StaleTurn);
                    assert!(expected, "{order:?}: {error}");
                }
            }
            check_sound(&orchestrator, &running, order).await;
        }
    }
    db.done().await;
}

async fn check_sound(orchestrator: &orchestrator::Orchestrator, running: &run::Run, order: [Act; 4]) {
    let system = Actor::System("test");
    run::pod_proven_gone(orchestrator, running.lease()).await.unwrap();
    let ended = run::get(orchestrator, &system, running.run_id).await.unwrap();
    // Every order has a cancel: only a finish that came first outlives it.
    let sound = matches!(ended.state, RunState::Cancelled | RunState::Finishing);
    assert!(sound, "{order:?} left {}", ended.state);
    let (events, _) = run::events(orchestrator, &system, running.run_id, 0)
        .await
        .unwrap();
    for (at, event) in (1..).zip(&events) {
        assert_eq!(event.seq, at, "{order:?} left a gap");
    }
    if ended.state == RunState::Finishing {
        run::settle(orchestrator, running.run_id, run::Proof::NothingToProve)
            .await
            .unwrap();
    } else {
        assert!(ended.finished_at.is_some());
    }
    let late = run::heartbeat(orchestrator, &supervisor_of(running)).await;
    assert!(matches!(late, Err(Error::StaleTurn)), "{order:?}");
}

fn orders() -> Vec<[Act; 4]> {
    let mut all = Vec::new();
    for code in 0..256_usize {
        let picks = [code / 64, code / 16 % 4, code / 4 % 4, code % 4];
        let mut seen = picks;
        seen.sort_unstable();
        if seen == [0, 1, 2, 3] {
            all.push(picks.map(|pick| ACTS[pick]));
        }
    }
    assert_eq!(all.len(), 24);
    all
}

/// A worker that slept through a cancellation, and a runner of an old turn: what they bring changes nothing.
#[tokio::test]
async fn a_frozen_worker_that_wakes_after_its_fence_moved_changes_nothing() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let queued = project.start(&orchestrator, Some(1)).await.unwrap();
    run::admit_next(&orchestrator).await.unwrap();
    let system = Actor::System("test");
    let admitted = run::get(&orchestrator, &system, queued.run_id).await.unwrap();
    let job = StartRunner {
        run_id: admitted.run_id,
        turn: admitted.turn,
        fence: admitted.fence,
    };
    let wanted = run::want_pod(&orchestrator, AUDIENCE, &job, None).await.unwrap();
    let same = run::want_pod(&orchestrator, AUDIENCE, &job, None).await.unwrap();
    assert_eq!(
        (same.pod, same.tokens),
        (wanted.pod.clone(), wanted.tokens),
        "a retry makes the same pod"
    );
    assert!(run::still_wanted(&orchestrator, &wanted.pod.key).await.unwrap());

    run::cancel(&orchestrator, &project.maintainer, queued.run_id, None, None)
        .await
        .unwrap();
    let before = run::get(&orchestrator, &system, queued.run_id).await.unwrap();
    assert!(!run::still_wanted(&orchestrator, &wanted.pod.key).await.unwrap());
    assert!(matches!(
        run::begin_start(&orchestrator, &job).await,
        Err(Error::Conflict(_))
    ));
    let late = run::want_pod(&orchestrator, AUDIENCE, &job, None).await;
    assert!(matches!(late, Err(Error::Conflict(_))));
    let runner = supervisor_of(&admitted);
    assert!(matches!(
        run::heartbeat(&orchestrator, &runner).await,
        Err(Error::StaleTurn)
    ));
    let log = run::append_log(&orchestrator, &runner, "agent", 0, "late").await;
    assert!(matches!(log, Err(Error::StaleTurn)));
    let pull_request =
        orchestrator::effect::open_pull_request(&orchestrator, &runner, None, None, Some(SHA.into()), None);
    assert!(matches!(pull_request.await, Err(Error::StaleTurn)));
    run::pod_ended(&orchestrator, &wanted.pod.key, Some("{}"), false)
        .await
        .unwrap();
    let after = run::get(&orchestrator, &system, queued.run_id).await.unwrap();
    assert_eq!(before, after);
    db.done().await;
}
