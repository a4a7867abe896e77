//! What operators do with slots.

use jiff::SignedDuration;
use orchestrator::actor::PlatformRole;
use orchestrator::approval::{self, WaitKind};
use orchestrator::id::{SlotId, TokenId};
use orchestrator::run::{self, Run, Snapshot};
use orchestrator::slot::{self, SlotState};
use orchestrator::testing::{Seeded, TestDb, admit_and_run, agent_of, seed, supervisor_of};
use orchestrator::{Actor, Error, Orchestrator};
use sha2::{Digest, Sha256};

fn operator() -> Actor {
    Actor::Platform {
        token_id: TokenId::new(),
        name: "operator".into(),
        role: PlatformRole::Operator,
    }
}

/// A run that waits for people, and the slot that is held for it.
async fn parked(orchestrator: &Orchestrator, project: &Seeded) -> (Run, SlotId) {
    project.start(orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(orchestrator).await.unwrap();
    let slot_id = run.state.slot().expect("a slot");
    let hour = SignedDuration::from_hours(1);
    approval::ask(orchestrator, &agent_of(&run), WaitKind::Question, "Blue?", hour)
        .await
        .unwrap();
    let data = b"session".to_vec();
    let snapshot = Snapshot {
        session: "s".into(),
        path: "p".into(),
        sha256: hex::encode(Sha256::digest(&data)),
        data,
    };
    run::put_snapshot(orchestrator, &supervisor_of(&run), &snapshot)
        .await
        .unwrap();
    run::park(orchestrator, &supervisor_of(&run)).await.unwrap();
    (run, slot_id)
}

#[tokio::test]
async fn a_held_slot_is_kept_longer_or_given_back() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let (run, slot_id) = parked(&orchestrator, &project).await;
    let told = slot::explain(&orchestrator, &operator(), slot_id).await.unwrap();
    assert!(told.summary.contains(&run.run_id.to_string()), "{told:?}");

    let until = |slot: &slot::Slot| match slot.state {
        SlotState::Held { until, .. } => until,
        ref other => panic!("{other:?}"),
    };
    let before = until(&told.slot);
    let held = slot::extend(&orchestrator, &operator(), slot_id, 60, None)
        .await
        .unwrap();
    assert!(until(&held) > before + SignedDuration::from_mins(50));
    let same = slot::extend(&orchestrator, &operator(), slot_id, 1, None)
        .await
        .unwrap();
    assert_eq!(until(&same), until(&held), "a hold is never shortened");
    let refused = slot::extend(&orchestrator, &operator(), slot_id, 25 * 60, None).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");

    let released = slot::release(&orchestrator, &operator(), slot_id, None)
        .await
        .unwrap();
    assert!(
        matches!(released.state, SlotState::Draining { .. }),
        "{released:?}"
    );
    let again = slot::release(&orchestrator, &operator(), slot_id, None)
        .await
        .unwrap();
    assert_eq!(again.state, released.state, "asking twice changes nothing");
    let late = slot::extend(&orchestrator, &operator(), slot_id, 60, None).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    run::pod_proven_gone(&orchestrator, run.lease()).await.unwrap();
    let free = slot::release(&orchestrator, &operator(), slot_id, None)
        .await
        .unwrap();
    assert_eq!(free.state, SlotState::Free);
    db.done().await;
}

#[tokio::test]
async fn a_slot_in_use_is_not_given_away() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(7)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let slot_id = run.state.slot().expect("a slot");
    let Err(Error::Conflict(why)) = slot::release(&orchestrator, &operator(), slot_id, None).await else {
        panic!("a slot with a live run")
    };
    assert!(
        why.contains("run_cancel") && why.contains(&run.run_id.to_string()),
        "{why}"
    );
    let maintainer = slot::release(&orchestrator, &project.maintainer, slot_id, None).await;
    assert!(matches!(maintainer, Err(Error::Forbidden(_))), "{maintainer:?}");
    db.done().await;
}

#[tokio::test]
async fn fewer_slots_than_are_taken_drain_and_end_nothing() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 3).await.unwrap();
    let set = async |actor: &Actor, slots| {
        slot::set_limit(&orchestrator, actor, project.project_id, slots, None).await
    };
    assert_eq!(set(&operator(), 5).await.unwrap(), 5);
    assert!(matches!(set(&operator(), -1).await, Err(Error::Invalid(_))));
    assert!(matches!(
        set(&project.maintainer, 9).await,
        Err(Error::Forbidden(_))
    ));
    let mut live = Vec::new();
    for issue in [1, 2] {
        project.start(&orchestrator, Some(issue)).await.unwrap();
        live.push(admit_and_run(&orchestrator).await.unwrap());
    }
    let third = project.start(&orchestrator, Some(3)).await.unwrap();
    let explained = async || {
        let told = run::explain(&orchestrator, &operator(), third.run_id)
            .await
            .unwrap();
        (told.waits_for, told.summary)
    };
    for limit in [1, 1, 0] {
        assert_eq!(set(&operator(), limit).await.unwrap(), i64::from(limit));
        assert_eq!(run::admit_next(&orchestrator).await.unwrap(), None);
        let (waits_for, summary) = explained().await;
        assert_eq!(waits_for, Some("slot"));
        assert!(
            summary.contains(&format!("may use {limit}")) && summary.contains("2 are taken"),
            "{summary}"
        );
    }
    let slot_id = live[0].state.slot().expect("a slot");
    let told = slot::explain(&orchestrator, &operator(), slot_id).await.unwrap();
    assert!(told.summary.contains("no run is given one"), "{told:?}");
    assert_eq!(set(&operator(), 1).await.unwrap(), 1);
    for run in live {
        let still = run::get(&orchestrator, &operator(), run.run_id).await.unwrap();
        assert_eq!(still.state, run.state, "nothing is ended");
        assert_eq!(run::admit_next(&orchestrator).await.unwrap(), None);
        run::cancel(&orchestrator, &operator(), run.run_id, None, None)
            .await
            .unwrap();
        run::pod_proven_gone(&orchestrator, run.lease()).await.unwrap();
    }
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), Some(third.run_id));
    db.done().await;
}
