//! Members and people: who lets whom in, who stays, and what a block or a lost role means at once.

use orchestrator::actor::{PlatformRole, Role};
use orchestrator::id::PersonId;
use orchestrator::idempotency::Key;
use orchestrator::page::PageAsk;
use orchestrator::project::access::{self, Operation, Target};
use orchestrator::project::{self, Membership};
use orchestrator::testing::{Seeded, TestDb, admit_and_run, agent_of, seed};
use orchestrator::{Actor, Error, Orchestrator, identity, run};

const SYSTEM: Actor = Actor::System("test");

async fn person(orchestrator: &Orchestrator, id: i64, role: Option<PlatformRole>) -> Actor {
    let mut tx = orchestrator.begin("test").await.unwrap();
    let person = identity::ensure_person(&mut tx, id, &format!("person-{id}"), role)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    person.actor()
}

fn id(actor: &Actor) -> PersonId {
    actor.person_id().unwrap()
}

async fn set(
    orchestrator: &Orchestrator,
    by: &Actor,
    at: &Seeded,
    who: &Actor,
    wanted: Membership,
) -> Result<project::Member, Error> {
    project::set_membership(orchestrator, by, at.project_id, id(who), wanted, None).await
}

#[tokio::test]
async fn a_projects_last_admin_stays() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let (one, two) = (
        person(&orchestrator, 21, None).await,
        person(&orchestrator, 22, None).await,
    );
    let admin = Membership::Role(Role::Admin);
    set(&orchestrator, &SYSTEM, &alpha, &one, admin).await.unwrap();
    for wanted in [
        Membership::Removed,
        Membership::Blocked,
        Membership::Role(Role::Viewer),
    ] {
        let refused = set(&orchestrator, &one, &alpha, &one, wanted).await;
        assert!(
            matches!(refused, Err(Error::Conflict(_))),
            "{wanted:?}: {refused:?}"
        );
    }
    set(&orchestrator, &one, &alpha, &two, admin).await.unwrap();
    // Both leave at once: one of them stays.
    let (first, second) = tokio::join!(
        set(&orchestrator, &one, &alpha, &two, Membership::Removed),
        set(&orchestrator, &two, &alpha, &one, Membership::Removed),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let page = PageAsk::new(None, None).unwrap();
    let members = project::members(&orchestrator, &SYSTEM, alpha.project_id, page)
        .await
        .unwrap();
    let admins = members
        .items
        .iter()
        .filter(|member| member.role == Some(Role::Admin));
    assert_eq!(admins.count(), 1);
    db.done().await;
}

#[tokio::test]
async fn a_block_wins_over_every_grant_and_reaches_running_agents() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let beta = seed(&orchestrator, "beta", 2, 1).await.unwrap();
    let auditor = person(&orchestrator, 31, Some(PlatformRole::Auditor)).await;
    let run = alpha.start(&orchestrator, Some(1)).await.unwrap();
    let running = admit_and_run(&orchestrator).await.unwrap();
    assert!(run::get(&orchestrator, &auditor, run.run_id).await.is_ok());
    for who in [&auditor, &alpha.maintainer] {
        let blocked = set(&orchestrator, &SYSTEM, &alpha, who, Membership::Blocked)
            .await
            .unwrap();
        assert!(blocked.blocked_at.is_some());
        let hidden = run::get(&orchestrator, who, run.run_id).await;
        assert!(matches!(hidden, Err(Error::NotFound { .. })), "{hidden:?}");
    }
    let page = PageAsk::new(None, None).unwrap();
    let seen = project::list(&orchestrator, &auditor, page).await.unwrap();
    let seen: Vec<_> = seen.items.iter().map(|project| project.project_id).collect();
    assert_eq!(seen, [beta.project_id], "elsewhere the grant counts");

    let mut tx = orchestrator.begin("test").await.unwrap();
    let issue = Target::new(alpha.project_id, "issue", 1).of_run(running.run_id, running.started_by);
    let agent = access::require(&mut tx, &agent_of(&running), Operation::IssueWrite, &issue).await;
    assert!(matches!(agent, Err(Error::Forbidden(_))), "{agent:?}");
    drop(tx);

    let owner = person(&orchestrator, 32, Some(PlatformRole::Owner)).await;
    let refused = set(&orchestrator, &SYSTEM, &alpha, &owner, Membership::Blocked).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    set(&orchestrator, &owner, &alpha, &auditor, Membership::Removed)
        .await
        .unwrap();
    assert!(
        run::get(&orchestrator, &auditor, run.run_id).await.is_ok(),
        "the block is lifted"
    );
    db.done().await;
}

#[tokio::test]
async fn the_platforms_last_owner_stays_and_a_disabled_person_comes_back() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let (one, two) = (
        person(&orchestrator, 41, Some(PlatformRole::Owner)).await,
        person(&orchestrator, 42, Some(PlatformRole::Owner)).await,
    );
    let (first, second) = tokio::join!(
        identity::disable(&orchestrator, &one, id(&two)),
        identity::disable(&orchestrator, &two, id(&one)),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let (left, gone) = if first.is_ok() { (one, two) } else { (two, one) };
    let demoted = identity::invite(&orchestrator, &left, (github_id(&left), "x"), None, None).await;
    assert!(matches!(demoted, Err(Error::Conflict(_))), "{demoted:?}");
    let invited = identity::invite(&orchestrator, &left, (github_id(&gone), "x"), None, None).await;
    assert!(
        matches!(&invited, Err(Error::Conflict(why)) if why.contains("user_enable")),
        "{invited:?}"
    );
    let back = identity::set_disabled(&orchestrator, &left, id(&gone), false, None).await;
    assert_eq!(back.unwrap().disabled_at, None);

    let key = || Key::new("user_invite", "k", &43).unwrap();
    let account = (43, "person-43");
    let new = identity::invite(&orchestrator, &left, account, None, Some(key()))
        .await
        .unwrap();
    let again = identity::invite(&orchestrator, &left, account, None, Some(key()))
        .await
        .unwrap();
    assert_eq!(new, again);
    let by_hand = identity::invite(&orchestrator, &new.actor(), (44, "person-44"), None, None).await;
    assert!(matches!(by_hand, Err(Error::NotFound { .. })), "{by_hand:?}");
    let page = PageAsk::new(None, None).unwrap();
    let found = identity::people(&orchestrator, &left, Some("PERSON-43"), page)
        .await
        .unwrap();
    assert_eq!(found.items, [new]);
    db.done().await;
}

fn github_id(actor: &Actor) -> i64 {
    let Actor::Person { login, .. } = actor else {
        panic!("a person")
    };
    login.trim_start_matches("person-").parse().unwrap()
}

#[tokio::test]
async fn a_right_is_explained_to_oneself_and_about_others_to_those_who_see_members() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let beta = seed(&orchestrator, "beta", 2, 1).await.unwrap();
    let viewer = person(&orchestrator, 51, None).await;
    set(
        &orchestrator,
        &SYSTEM,
        &alpha,
        &viewer,
        Membership::Role(Role::Viewer),
    )
    .await
    .unwrap();
    let explain = async |asker: &Actor, who: Option<&Actor>, at: &Seeded, operation| {
        let mut tx = orchestrator.begin("test").await.unwrap();
        let target = Target::new(at.project_id, "project", at.project_id);
        access::explain_to(&mut tx, asker, who.map(id), operation, Some(&target)).await
    };
    let own = explain(&viewer, None, &alpha, Operation::RunStart).await.unwrap();
    assert!(
        !own.allowed && own.rules == ["viewer: -"] && own.who_grants == ["admin", "owner"],
        "{own:?}"
    );
    let of_others = explain(&viewer, Some(&alpha.maintainer), &alpha, Operation::RunStart).await;
    assert!(matches!(of_others, Err(Error::Forbidden(_))), "{of_others:?}");
    let asked = explain(&alpha.maintainer, Some(&viewer), &alpha, Operation::RunRead)
        .await
        .unwrap();
    assert!(
        asked.allowed && asked.because.contains("viewer: yes"),
        "{asked:?}"
    );
    let foreign = explain(&viewer, None, &beta, Operation::RunRead).await;
    assert!(matches!(foreign, Err(Error::NotFound { .. })), "{foreign:?}");
    db.done().await;
}
