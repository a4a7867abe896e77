//! Sensitive acts want a sign-in of a moment ago.

use jiff::SignedDuration;
use orchestrator::actor::Role;
use orchestrator::identity;
use orchestrator::project::access::{self, Operation, Target};
use orchestrator::testing::{TestDb, seed};
use orchestrator::{Actor, Error, project};

#[tokio::test]
async fn a_sensitive_act_wants_a_young_login() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    let bank = seed(&orchestrator, "bank", 2, 2).await.unwrap();
    let (id, other, system) = (alpha.project_id, bank.person_id, Actor::System("test"));
    let admin = Some(Role::Admin);
    project::set_member(&orchestrator, &system, id, alpha.person_id, admin)
        .await
        .unwrap();
    let mut tx = orchestrator.begin("test.person").await.unwrap();
    let person = identity::get(&mut tx, alpha.person_id).await.unwrap();
    drop(tx);
    let now = orchestrator.clock().now();
    let ago = |minutes| person.signed_in(now - SignedDuration::from_mins(minutes));
    let set =
        async |actor: &Actor| project::set_member(&orchestrator, actor, id, other, Some(Role::Viewer)).await;

    let refused = set(&ago(16)).await.unwrap_err();
    assert!(
        matches!(&refused, Error::StaleLogin(why) if why.contains("sign in again")),
        "{refused}"
    );
    let denied = "SELECT count(*) FROM audit_entries WHERE operation = 'member_set' AND decision = 'denied'";
    let denied: i64 = sqlx::query_scalar(denied).fetch_one(db.pool()).await.unwrap();
    assert_eq!(denied, 1, "written down, as every denial");
    set(&ago(14)).await.unwrap();
    set(&person.actor()).await.unwrap();
    // What is not sensitive takes any sign-in that counts.
    project::pause(&orchestrator, &ago(60), id).await.unwrap();
    // Who may not at all hears of no sign-in.
    let mut tx = orchestrator.begin("test.person").await.unwrap();
    let stranger = identity::get(&mut tx, other).await.unwrap();
    let viewer = stranger.signed_in(now - SignedDuration::from_hours(2));
    drop(tx);
    assert!(matches!(set(&viewer).await, Err(Error::Forbidden(_))));

    let target = Target::new(id, "project", id);
    for (actor, operation, needed) in [
        (ago(16), Operation::MemberSet, true),
        (ago(1), Operation::MemberSet, false),
        (ago(16), Operation::RunStart, false),
        (viewer, Operation::MemberSet, false),
    ] {
        let mut tx = orchestrator.look("test.explain").await.unwrap();
        let told = access::explain_to(&mut tx, &actor, None, operation, Some(&target))
            .await
            .unwrap();
        assert_eq!(told.needs_sign_in, needed, "{operation}: {}", told.because);
        assert_eq!(told.wants_fresh_login, operation == Operation::MemberSet);
    }
    db.done().await;
}
