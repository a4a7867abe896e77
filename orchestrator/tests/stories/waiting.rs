//! What waits for a person is there as long as its cause is.

use orchestrator::actor::Role;
use orchestrator::inbox::{self, Kind};
use orchestrator::run;
use orchestrator::testing::{Seeded, TestDb, seed};
use orchestrator::{Actor, Orchestrator, project};

const NOTHING: [Kind; 0] = [];

async fn kinds(orchestrator: &Orchestrator, actor: &Actor) -> Vec<Kind> {
    let found = inbox::list(orchestrator, actor, None).await.unwrap();
    found.items.iter().map(|item| item.kind).collect()
}

/// A run of the maintainer's that its program ended with an error.
async fn failed(
    orchestrator: &Orchestrator,
    of: &Seeded,
    number: i64,
    reason: &str,
    db: &TestDb,
) -> run::Run {
    let run = of.start(orchestrator, Some(number)).await.unwrap();
    let sql = "UPDATE runs SET state = 'failed', reason = $2, finished_at = now() WHERE run_id = $1";
    sqlx::query(sql)
        .bind(run.run_id.uuid())
        .bind(reason)
        .execute(db.pool())
        .await
        .unwrap();
    run
}

#[tokio::test]
async fn a_failed_run_waits_until_somebody_tries_again() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    let bank = seed(&orchestrator, "bank", 2, 2).await.unwrap();
    let first = failed(&orchestrator, &alpha, 1, "agent_error", &db).await;
    failed(&orchestrator, &alpha, 2, "precondition", &db).await;
    let me = &alpha.maintainer;
    assert_eq!(kinds(&orchestrator, me).await, [Kind::FailedRun, Kind::FailedRun]);
    assert_eq!(kinds(&orchestrator, &bank.maintainer).await, NOTHING);

    run::retry(&orchestrator, me, first.run_id, None).await.unwrap();
    let left = inbox::list(&orchestrator, me, None).await.unwrap();
    assert_eq!(left.items.len(), 1);
    assert_eq!(left.items[0].place.number, Some(2));
    assert_eq!(left.items[0].reason.as_deref(), Some("precondition"));
    alpha.start(&orchestrator, Some(2)).await.unwrap();
    assert_eq!(
        kinds(&orchestrator, me).await,
        NOTHING,
        "a newer run of the issue"
    );

    // Who may not see the project any more has nothing of it in the inbox.
    failed(&orchestrator, &alpha, 3, "agent_error", &db).await;
    let system = Actor::System("test");
    let (id, person) = (alpha.project_id, alpha.person_id);
    project::set_member(&orchestrator, &system, id, person, None)
        .await
        .unwrap();
    assert_eq!(kinds(&orchestrator, me).await, NOTHING);
    db.done().await;
}

#[tokio::test]
async fn what_only_some_can_mend_waits_for_them() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    let me = &alpha.maintainer;
    failed(&orchestrator, &alpha, 1, "model_auth", &db).await;
    assert_eq!(
        kinds(&orchestrator, me).await,
        [Kind::FailedRun],
        "no key is a maintainer's"
    );
    let system = Actor::System("test");
    let (id, person, admin) = (alpha.project_id, alpha.person_id, Some(Role::Admin));
    project::set_member(&orchestrator, &system, id, person, admin)
        .await
        .unwrap();
    assert_eq!(
        kinds(&orchestrator, me).await,
        [Kind::BrokenCredential, Kind::FailedRun],
        "the urgent first"
    );
    db.run("UPDATE repositories SET suspension = 'app_removed', access_as_of = now()")
        .await;
    assert_eq!(
        kinds(&orchestrator, me).await,
        [Kind::SuspendedRepository, Kind::BrokenCredential, Kind::FailedRun]
    );
    db.run("UPDATE repositories SET suspension = NULL").await;
    // A run that succeeds shows that the key is taken again.
    let run = alpha.start(&orchestrator, Some(2)).await.unwrap();
    let sql = "UPDATE runs SET state = 'succeeded', finished_at = now() WHERE run_id = $1";
    sqlx::query(sql)
        .bind(run.run_id.uuid())
        .execute(db.pool())
        .await
        .unwrap();
    assert_eq!(kinds(&orchestrator, me).await, [Kind::FailedRun]);
    db.done().await;
}
