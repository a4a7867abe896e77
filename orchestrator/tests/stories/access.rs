//! Rights as the transaction finds them, and what the audit keeps.

use orchestrator::actor::{PlatformRole, Role};
use orchestrator::id::{DeliveryId, PersonId, ProjectId, TokenId};
use orchestrator::page::PageAsk;
use orchestrator::project::access::{self, Operation, Target};
use orchestrator::testing::{TestDb, admit_and_run, agent_of, seed};
use orchestrator::trace::{self, TraceParent};
use orchestrator::{Actor, Error, Orchestrator, delivery, identity, project, repository, run};

use crate::inbox::{Inbox, T0, labeled};

async fn person(orchestrator: &Orchestrator, id: i64, role: Option<PlatformRole>) -> Actor {
    let mut tx = orchestrator.begin("test").await.unwrap();
    let person = identity::ensure_person(&mut tx, id, &format!("person-{id}"), role)
        .await
        .unwrap();
    // A person becomes known when the transaction does; the audit's own connection must see it too.
    commit(tx).await;
    person.actor()
}

async fn commit(tx: orchestrator::postgres::Tx) {
    tx.commit().await.unwrap();
}

async fn member(orchestrator: &Orchestrator, project_id: ProjectId, id: i64, role: Role) -> Actor {
    let actor = person(orchestrator, id, None).await;
    let (system, person_id) = (Actor::System("test"), actor.person_id().unwrap());
    project::set_member(orchestrator, &system, project_id, person_id, Some(role))
        .await
        .unwrap();
    actor
}

#[tokio::test]
async fn a_denial_stays_in_the_audit_and_an_allowed_act_goes_with_its_transaction() {
    let inbox = Inbox::new().await;
    let (orchestrator, project_id) = (&inbox.orchestrator, inbox.project.project_id);
    let viewer = member(orchestrator, project_id, 21, Role::Viewer).await;
    let started = run::start(orchestrator, &viewer, inbox.project.new_run(Some(1)), None).await;
    assert!(
        matches!(&started, Err(Error::Forbidden(text)) if text.contains("contributor")),
        "{started:?}"
    );
    let denied = "SELECT count(*) FROM audit_entries WHERE operation = 'run_start' AND decision = 'denied'";
    assert_eq!(inbox.count(denied).await, 1);

    let mut tx = orchestrator.begin("test").await.unwrap();
    let target = Target::new(project_id, "repository", inbox.project.repository_id);
    access::require(&mut tx, &inbox.project.maintainer, Operation::RunStart, &target)
        .await
        .unwrap();
    drop(tx);
    let allowed = "SELECT count(*) FROM audit_entries WHERE operation = 'run_start' AND decision = 'allowed'";
    assert_eq!(inbox.count(allowed).await, 0, "what was rolled back was not done");
    let changed = sqlx::query("DELETE FROM audit_entries")
        .execute(inbox.db.pool())
        .await;
    assert!(changed.unwrap_err().to_string().contains("append-only"));
    inbox.db.done().await;
}

#[tokio::test]
async fn the_audit_says_what_set_an_act_off() {
    let inbox = Inbox::new().await;
    let (orchestrator, project) = (&inbox.orchestrator, &inbox.project);
    let origin = trace::Origin {
        traceparent: TraceParent::begin(),
        cause: "tool run_start".into(),
    };
    let started = trace::within(origin.clone(), project.start(orchestrator, Some(1))).await;
    started.unwrap();
    let viewer = member(orchestrator, project.project_id, 21, Role::Viewer).await;
    let refused = run::start(orchestrator, &viewer, project.new_run(Some(2)), None);
    trace::within(origin.clone(), refused).await.unwrap_err();
    let told: Vec<(String, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT decision, cause, traceparent FROM audit_entries WHERE operation = 'run_start' ORDER BY audit_id",
    )
    .fetch_all(inbox.db.pool())
    .await
    .unwrap();
    let by = |decision: &str| {
        let (cause, traceparent) = (origin.cause.clone(), origin.traceparent.to_string());
        (decision.to_owned(), Some(cause), Some(traceparent))
    };
    assert_eq!(told, [by("allowed"), by("denied")]);
    let own: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT operation FROM audit_entries WHERE rule = 'system' ORDER BY 1")
            .fetch_all(inbox.db.pool())
            .await
            .unwrap();
    assert_eq!(
        own,
        [
            "member_set_maintainer",
            "member_set_viewer",
            "project_create",
            "repository_attach"
        ]
    );
    inbox.db.done().await;
}

#[tokio::test]
async fn many_denials_at_once_do_not_wait_for_each_other() {
    let inbox = Inbox::new().await;
    let viewer = member(&inbox.orchestrator, inbox.project.project_id, 21, Role::Viewer).await;
    let starts = (0..40).map(|_| run::start(&inbox.orchestrator, &viewer, inbox.project.new_run(None), None));
    let begun = std::time::Instant::now();
    let results = futures_util::future::join_all(starts).await;
    assert!(
        results
            .iter()
            .all(|result| matches!(result, Err(Error::Forbidden(_)))),
        "{results:?}"
    );
    assert!(begun.elapsed().as_secs() < 8, "took {:?}", begun.elapsed());
    inbox.db.done().await;
}

#[tokio::test]
async fn a_foreign_object_is_not_there() {
    let inbox = Inbox::new().await;
    let orchestrator = &inbox.orchestrator;
    let beta = seed(orchestrator, "beta", 2, 1).await.unwrap();
    let received = inbox.receive("guid-1", "issues", &labeled("bug", T0)).await;
    inbox
        .work(received.delivery_id, &crate::inbox::open_issue(&[]))
        .await;
    let seen = delivery::get(orchestrator, &inbox.project.maintainer, received.delivery_id).await;
    assert!(seen.is_ok());
    let foreign = delivery::get(orchestrator, &beta.maintainer, received.delivery_id)
        .await
        .unwrap_err();
    let missing_id = DeliveryId::new();
    let missing = delivery::get(orchestrator, &beta.maintainer, missing_id)
        .await
        .unwrap_err();
    let same = |text: String, id: DeliveryId| text.replace(&id.to_string(), "ID");
    assert_eq!(
        same(foreign.to_string(), received.delivery_id),
        same(missing.to_string(), missing_id)
    );
    let repository = repository::read(orchestrator, &beta.maintainer, inbox.project.repository_id).await;
    assert!(matches!(
        repository,
        Err(Error::NotFound {
            what: "repository",
            ..
        })
    ));
    let page = PageAsk::new(None, None).unwrap();
    let listed = repository::list(orchestrator, &beta.maintainer, None, page)
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(listed.items[0].repository_id, beta.repository_id);
    let asked = repository::list(
        orchestrator,
        &beta.maintainer,
        Some(inbox.project.project_id),
        page,
    )
    .await
    .unwrap();
    assert!(asked.items.is_empty());
    inbox.db.done().await;
}

#[tokio::test]
async fn deliveries_of_no_project_are_for_platform_roles() {
    let inbox = Inbox::new().await;
    let orchestrator = &inbox.orchestrator;
    let mut event = labeled("run:dev", T0);
    event["repository"]["id"] = serde_json::json!(1);
    let received = inbox.receive("guid-1", "issues", &event).await;
    inbox
        .work(received.delivery_id, &crate::inbox::open_issue(&[]))
        .await;
    let operator = person(orchestrator, 31, Some(PlatformRole::Operator)).await;
    let auditor = person(orchestrator, 32, Some(PlatformRole::Auditor)).await;
    let id = received.delivery_id;
    assert!(delivery::get(orchestrator, &operator, id).await.is_ok());
    assert!(matches!(
        delivery::payload(orchestrator, &operator, id).await,
        Err(Error::Forbidden(_))
    ));
    assert!(
        delivery::payload(orchestrator, &auditor, id)
            .await
            .unwrap()
            .unwrap()
            .text
            .contains("run:dev")
    );
    assert!(matches!(
        delivery::replay(orchestrator, &auditor, id, None).await,
        Err(Error::Forbidden(_))
    ));
    let hidden = delivery::get(orchestrator, &inbox.project.maintainer, id).await;
    assert!(matches!(hidden, Err(Error::NotFound { .. })));
    let page = PageAsk::new(None, None).unwrap();
    let program = |role| Actor::Platform {
        token_id: TokenId::new(),
        name: "ops".into(),
        role,
    };
    let (owner, machine) = (program(PlatformRole::Owner), program(PlatformRole::Operator));
    assert!(delivery::payload(orchestrator, &owner, id).await.is_ok());
    assert!(matches!(
        delivery::payload(orchestrator, &machine, id).await,
        Err(Error::Forbidden(_))
    ));
    for (actor, count) in [(&operator, 1), (&machine, 1), (&inbox.project.maintainer, 0)] {
        let listed = delivery::list(orchestrator, actor, &delivery::Filter::default(), page)
            .await
            .unwrap();
        assert_eq!(listed.items.len(), count);
    }
    inbox.db.done().await;
}

#[tokio::test]
async fn a_disabled_person_is_nobody_and_its_runs_end() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let run = project.start(&orchestrator, Some(1)).await.unwrap();
    let system = Actor::System("test");
    let by_hand = identity::disable(&orchestrator, &project.maintainer, project.person_id).await;
    assert!(
        matches!(by_hand, Err(Error::NotFound { .. })),
        "a member knows nobody of the platform"
    );
    let person = identity::disable(&orchestrator, &system, project.person_id)
        .await
        .unwrap();
    let again = identity::disable(&orchestrator, &system, project.person_id)
        .await
        .unwrap();
    assert_eq!(person.disabled_at, again.disabled_at);
    let ended = run::get(&orchestrator, &system, run.run_id).await.unwrap();
    assert_eq!(ended.state, run::RunState::Cancelled);
    let hidden = run::get(&orchestrator, &project.maintainer, run.run_id).await;
    assert!(matches!(hidden, Err(Error::NotFound { .. })));
    let mut tx = orchestrator.begin("test").await.unwrap();
    assert!(
        access::operations(&mut tx, &project.maintainer)
            .await
            .unwrap()
            .iter()
            .next()
            .is_none()
    );
    drop(tx);
    let unknown = identity::disable(&orchestrator, &system, PersonId::new()).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })));
    db.done().await;
}

#[tokio::test]
async fn an_agent_may_no_more_than_its_starter() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(1)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let agent = agent_of(&run);
    let issue = Target::new(project.project_id, "issue", 1).of_run(run.run_id, run.started_by);
    let may = |operation: Operation| {
        let (orchestrator, agent, issue) = (&orchestrator, &agent, &issue);
        async move {
            let mut tx = orchestrator.begin("test").await.unwrap();
            access::require(&mut tx, agent, operation, issue).await
        }
    };
    assert!(may(Operation::IssueWrite).await.is_ok());
    let (system, id) = (Actor::System("test"), project.person_id);
    project::set_member(&orchestrator, &system, project.project_id, id, Some(Role::Viewer))
        .await
        .unwrap();
    let denied = may(Operation::IssueWrite).await;
    assert!(
        matches!(&denied, Err(Error::Forbidden(text)) if text.contains("started this run")),
        "{denied:?}"
    );
    assert!(may(Operation::IssueRead).await.is_ok());
    assert!(
        may(Operation::AgentTurn).await.is_ok(),
        "it may still say how it is"
    );
    let mut tx = orchestrator.begin("test").await.unwrap();
    let lists = access::visible_projects(&mut tx, &agent, Operation::RunRead)
        .await
        .unwrap();
    assert!(lists.is_empty(), "an agent lists nothing of the project");
    let operations = access::operations(&mut tx, &agent).await.unwrap();
    assert!(operations.contains(Operation::IssueRead) && !operations.contains(Operation::RunStart));
    drop(tx);
    db.done().await;
}

#[tokio::test]
async fn a_service_token_has_one_project() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let beta = seed(&orchestrator, "beta", 2, 1).await.unwrap();
    let service = Actor::Service {
        token_id: TokenId::new(),
        name: "ci".into(),
        project_id: alpha.project_id,
        role: Role::Contributor,
    };
    assert!(
        repository::read(&orchestrator, &service, alpha.repository_id)
            .await
            .is_ok()
    );
    let foreign = repository::read(&orchestrator, &service, beta.repository_id).await;
    assert!(matches!(foreign, Err(Error::NotFound { .. })));
    let page = PageAsk::new(None, None).unwrap();
    let projects = project::list(&orchestrator, &service, page).await.unwrap();
    assert_eq!(projects.items.len(), 1);
    db.done().await;
}

#[tokio::test]
async fn a_platform_token_has_every_project_as_far_as_its_role_goes() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    for (slug, number) in [("alpha", 1), ("beta", 2)] {
        seed(&orchestrator, slug, number, 1).await.unwrap();
    }
    let page = PageAsk::new(None, None).unwrap();
    for (role, may_start) in [
        (PlatformRole::Owner, true),
        (PlatformRole::Auditor, false),
        (PlatformRole::Operator, false),
    ] {
        let token = Actor::Platform {
            token_id: TokenId::new(),
            name: "ops".into(),
            role,
        };
        let projects = project::list(&orchestrator, &token, page).await.unwrap();
        assert_eq!(projects.items.len(), 2, "{role}");
        let mut tx = orchestrator.begin("test").await.unwrap();
        let target = Target::new(projects.items[0].project_id, "repository", "r");
        let started = access::require(&mut tx, &token, Operation::RunStart, &target).await;
        assert_eq!(started.is_ok(), may_start, "{role}");
        let may = access::operations(&mut tx, &token).await.unwrap();
        assert_eq!(may.contains(Operation::RunStart), may_start, "{role}");
        assert!(!may.contains(Operation::SupervisorTurn));
    }
    db.done().await;
}
