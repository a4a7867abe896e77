//! Projects come, change, are paused and go; the platform as a whole; its workers and its queue.

use jiff::SignedDuration;
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::credential::{self, Leniency, MasterKey};
use orchestrator::idempotency::Key;
use orchestrator::page::PageAsk;
use orchestrator::project::{self, Change, LimitChange, Limits, NewProject, Setting};
use orchestrator::queue::look;
use orchestrator::testing::{AUDIENCE, TestDb, admit_and_run, seed};
use orchestrator::{Actor, Clock, Error, Orchestrator, identity, repository, run, workers};
use secrecy::ExposeSecret;

const SYSTEM: Actor = Actor::System("test");

async fn owner(orchestrator: &Orchestrator) -> Actor {
    let mut tx = orchestrator.begin("test").await.unwrap();
    let owner = identity::ensure_person(&mut tx, 91, "owner", Some(PlatformRole::Owner)).await;
    tx.commit().await.unwrap();
    owner.unwrap().actor()
}

#[tokio::test]
async fn a_project_goes_after_its_hold_and_can_be_taken_back_until_then() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let orchestrator = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
    let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    let owner = owner(&orchestrator).await;
    let delete =
        async |by: &Actor, slug: &str| project::delete(&orchestrator, by, alpha.project_id, slug, None).await;
    let by_hand = delete(&alpha.maintainer, "alpha").await;
    assert!(matches!(by_hand, Err(Error::Forbidden(_))), "{by_hand:?}");
    let mistyped = delete(&owner, "alpah").await;
    assert!(matches!(mistyped, Err(Error::Invalid(_))), "{mistyped:?}");

    let queued = alpha.start(&orchestrator, Some(1)).await.unwrap();
    let going = delete(&owner, "alpha").await.unwrap();
    let hold = going.delete_after.unwrap().duration_since(clock.now());
    assert_eq!(hold.as_hours() + 1, 7 * 24, "a moment has passed since: {hold}");
    assert_eq!(
        run::admit_next(&orchestrator).await.unwrap(),
        None,
        "nothing is admitted"
    );
    let why = run::explain(&orchestrator, &alpha.maintainer, queued.run_id)
        .await
        .unwrap();
    assert_eq!(why.waits_for, Some("project_deletion"));
    let new = alpha.start(&orchestrator, Some(2)).await;
    assert!(matches!(new, Err(Error::Conflict(_))), "{new:?}");
    let restored = project::restore(&orchestrator, &owner, alpha.project_id, None)
        .await
        .unwrap();
    assert_eq!(restored.delete_after, None);
    let live = admit_and_run(&orchestrator).await.unwrap();

    delete(&owner, "alpha").await.unwrap();
    let token = credential::issue_service_token(
        &orchestrator,
        AUDIENCE,
        alpha.project_id,
        "ci",
        Role::Viewer,
        clock.now() + SignedDuration::from_hours(24 * 30),
    );
    let token = token.await.unwrap().token;
    let bearer = token.expose_secret();
    clock.advance(SignedDuration::from_hours(7 * 24 - 1));
    assert_eq!(
        project::purge_due(&orchestrator).await.unwrap(),
        0,
        "the hold is not over"
    );
    let who = credential::authenticate(&orchestrator, AUDIENCE, bearer, Leniency::None).await;
    assert!(who.is_ok());
    clock.advance(SignedDuration::from_hours(1));
    assert_eq!(project::purge_due(&orchestrator).await.unwrap(), 1);
    assert_eq!(project::purge_due(&orchestrator).await.unwrap(), 0);
    let who = credential::authenticate(&orchestrator, AUDIENCE, bearer, Leniency::None).await;
    assert!(matches!(who, Err(Error::Unauthenticated(_))), "{who:?}");
    let live = run::get(&orchestrator, &SYSTEM, live.run_id).await.unwrap();
    assert_eq!(live.state, run::RunState::Cancelling);
    let page = PageAsk::new(None, None).unwrap();
    assert_eq!(
        project::list(&orchestrator, &owner, page).await.unwrap().items,
        []
    );
    let hidden = run::get(&orchestrator, &alpha.maintainer, live.run_id).await;
    assert!(
        matches!(hidden, Err(Error::NotFound { .. })),
        "its members are none any more"
    );
    let bound = repository::read(&orchestrator, &SYSTEM, alpha.repository_id)
        .await
        .unwrap();
    assert!(bound.detached_at.is_some());
    db.done().await;
}

#[tokio::test]
async fn settings_need_a_maintainer_and_limits_an_admin() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let (maintainer, id) = (&alpha.maintainer, alpha.project_id);
    let name = Change {
        name: Some("Alpha, renamed".into()),
        ..Change::default()
    };
    let renamed = project::update(&orchestrator, maintainer, id, &name, None)
        .await
        .unwrap();
    assert_eq!(
        (renamed.name.as_str(), renamed.lockdown),
        ("Alpha, renamed", true)
    );
    let both = Change {
        name: Some("again".into()),
        limits: Some(LimitChange {
            budget_micro_usd: Some(Some(5)),
            ..LimitChange::default()
        }),
        ..Change::default()
    };
    let refused = project::update(&orchestrator, maintainer, id, &both, None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    project::set_member(&orchestrator, &SYSTEM, id, alpha.person_id, Some(Role::Admin))
        .await
        .unwrap();
    let key = || Some(Key::new("project_update", "k", &1).unwrap());
    let done = project::update(&orchestrator, maintainer, id, &both, key())
        .await
        .unwrap();
    assert_eq!(
        (done.name.as_str(), done.limits.budget_micro_usd),
        ("again", Some(5))
    );
    assert_eq!(done.limits.max_live_runs, 1, "what is not given stays");
    project::update(&orchestrator, maintainer, id, &name, None)
        .await
        .unwrap();
    let repeated = project::update(&orchestrator, maintainer, id, &both, key())
        .await
        .unwrap();
    assert_eq!(repeated.name, "Alpha, renamed", "the key counts once");
    db.done().await;
}

#[tokio::test]
async fn an_owner_makes_projects_and_others_do_not() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let owner = owner(&orchestrator).await;
    let new = || NewProject {
        slug: "beta".into(),
        name: "Beta".into(),
        limits: Limits::default(),
        lockdown: true,
        slots: 1,
    };
    let by_hand = project::create(&orchestrator, &alpha.maintainer, new()).await;
    assert!(matches!(by_hand, Err(Error::NotFound { .. })), "{by_hand:?}");
    let key = || Some(Key::new("project_create", "k", &1).unwrap());
    let made = project::create_once(&orchestrator, &owner, new(), key())
        .await
        .unwrap();
    let again = project::create_once(&orchestrator, &owner, new(), key())
        .await
        .unwrap();
    assert_eq!(made, again);
    let figures = project::figures(&orchestrator, &owner, made.project_id, 30)
        .await
        .unwrap();
    assert_eq!(
        (figures.runs.len(), figures.success_rate, figures.cost_micro_usd),
        (0, None, 0)
    );
    alpha.start(&orchestrator, Some(1)).await.unwrap();
    admit_and_run(&orchestrator).await.unwrap();
    let figures = project::figures(&orchestrator, &alpha.maintainer, alpha.project_id, 30)
        .await
        .unwrap();
    assert_eq!(figures.runs, [("running".to_owned(), 1)]);
    assert!(figures.median_queue_seconds.is_some_and(|seconds| seconds >= 0.0));
    db.done().await;
}

#[tokio::test]
async fn the_platform_pauses_everywhere_and_its_settings_act() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
    let owner = owner(&orchestrator).await;
    let run = alpha.start(&orchestrator, Some(1)).await.unwrap();
    let by_hand = project::set_platform_paused(&orchestrator, &alpha.maintainer, true, None).await;
    assert!(matches!(by_hand, Err(Error::NotFound { .. })), "{by_hand:?}");
    let paused = project::set_platform_paused(&orchestrator, &owner, true, None)
        .await
        .unwrap();
    let again = project::set_platform_paused(&orchestrator, &owner, true, None)
        .await
        .unwrap();
    assert_eq!(paused, again);
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), None);
    let waits = async || {
        let why = run::explain(&orchestrator, &alpha.maintainer, run.run_id).await;
        why.unwrap().waits_for
    };
    assert_eq!(waits().await, Some("platform_pause"));
    project::set_platform_paused(&orchestrator, &owner, false, None)
        .await
        .unwrap();
    let set =
        async |value| project::set_setting(&orchestrator, &owner, Setting::MaxLiveRuns, value, None).await;
    assert!(matches!(set(-1).await, Err(Error::Invalid(_))));
    assert_eq!(set(0).await.unwrap().max_live_runs, 0);
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), None);
    assert_eq!(waits().await, Some("platform_limit"));
    set(1).await.unwrap();
    assert_eq!(run::admit_next(&orchestrator).await.unwrap(), Some(run.run_id));
    db.done().await;
}

#[tokio::test]
async fn operators_see_workers_and_jobs_and_try_one_again() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let owner = owner(&orchestrator).await;
    workers::beat(&orchestrator, "w1", "1.0").await.unwrap();
    workers::beat(&orchestrator, "w1", "1.1").await.unwrap();
    let seen = workers::list(&orchestrator, &owner).await.unwrap();
    assert!(
        matches!(&seen[..], [w] if w.is_present && w.version == "1.1"),
        "{seen:?}"
    );
    let hidden = workers::list(&orchestrator, &alpha.maintainer).await;
    assert!(matches!(hidden, Err(Error::NotFound { .. })));

    for number in 1..=3 {
        alpha.start(&orchestrator, Some(number)).await.unwrap();
    }
    let list = async |cursor: Option<String>, filter: look::Filter| {
        let page = PageAsk::new(Some(2), cursor.as_deref()).unwrap();
        look::list(&orchestrator, &owner, &filter, page).await.unwrap()
    };
    let first = list(None, look::Filter::default()).await;
    let rest = list(first.next_cursor.clone(), look::Filter::default()).await;
    let ids: Vec<_> = first
        .items
        .iter()
        .chain(&rest.items)
        .map(|job| job.job_id)
        .collect();
    assert!(ids.len() >= 3 && ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    sqlx::query("UPDATE river_job SET state = 'discarded', finalized_at = now(), attempt = max_attempts WHERE id = $1")
        .bind(ids[0])
        .execute(db.pool())
        .await
        .unwrap();
    let given_up = look::Filter {
        state: Some("discarded".into()),
        ..look::Filter::default()
    };
    assert_eq!(list(None, given_up).await.items.len(), 1);
    let job = look::retry(&orchestrator, &owner, ids[0], None).await.unwrap();
    assert!(
        job.state == "available" && job.max_attempts > job.attempt,
        "{job:?}"
    );
    let missing = look::retry(&orchestrator, &owner, i64::MAX, None).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })));
    db.done().await;
}
