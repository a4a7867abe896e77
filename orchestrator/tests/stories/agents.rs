//! Profiles and prompts as people change them: drafts, a second pair of eyes, versions that runs keep; and the catalogue.

use orchestrator::actor::{PlatformRole, Role};
use orchestrator::agent::{self, Agent, AgentChange, Api, Kind, Model, PromptHead};
use orchestrator::id::ProjectId;
use orchestrator::idempotency::Key;
use orchestrator::testing::{Seeded, TestDb, admit_and_run, seed};
use orchestrator::{Actor, Error, Orchestrator, Result, identity, project};

struct Stage {
    db: TestDb,
    orchestrator: Orchestrator,
    alpha: Seeded,
    admin: Actor,
    contributor: Actor,
    owner: Actor,
}

async fn person(orchestrator: &Orchestrator, id: i64, platform_role: Option<PlatformRole>) -> Actor {
    let mut tx = orchestrator.begin("test").await.unwrap();
    let login = format!("person-{id}");
    let person = identity::ensure_person(&mut tx, id, &login, platform_role).await;
    tx.commit().await.unwrap();
    person.unwrap().actor()
}

async fn member(orchestrator: &Orchestrator, project_id: ProjectId, id: i64, role: Role) -> Actor {
    let actor = person(orchestrator, id, None).await;
    let (system, person_id) = (Actor::System("test"), actor.person_id().unwrap());
    let set = project::set_member(orchestrator, &system, project_id, person_id, Some(role)).await;
    set.unwrap();
    actor
}

impl Stage {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let orchestrator = db.orchestrator().await;
        let alpha = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
        Self {
            admin: member(&orchestrator, alpha.project_id, 51, Role::Admin).await,
            contributor: member(&orchestrator, alpha.project_id, 52, Role::Contributor).await,
            owner: person(&orchestrator, 53, Some(PlatformRole::Owner)).await,
            db,
            orchestrator,
            alpha,
        }
    }

    async fn draft(&self, by: &Actor, made_on: Option<i32>, memory: &str) -> Result<Agent> {
        let change = AgentChange {
            memory: Some(memory.into()),
            ..AgentChange::default()
        };
        let on = (Some(self.alpha.project_id), "dev");
        agent::update_agent(&self.orchestrator, by, on, made_on, change, None).await
    }

    async fn publish(&self, by: &Actor, version: i32) -> Result<Agent> {
        let on = (Some(self.alpha.project_id), "dev");
        agent::publish_agent(&self.orchestrator, by, on, version, None).await
    }

    async fn now(&self) -> Agent {
        let project_id = Some(self.alpha.project_id);
        let found = agent::read_agent(&self.orchestrator, &self.admin, project_id, "dev", None).await;
        found.unwrap()
    }

    async fn audited(&self, operation: &str) -> i64 {
        let count = "SELECT count(*) FROM audit_entries WHERE operation = $1 AND decision = 'allowed'";
        let (count,): (i64,) = sqlx::query_as(count)
            .bind(operation)
            .fetch_one(self.db.pool())
            .await
            .unwrap();
        count
    }
}

#[tokio::test]
async fn a_draft_counts_once_somebody_else_published_it() {
    let stage = Stage::new().await;
    let maintainer = &stage.alpha.maintainer;
    assert_eq!(stage.now().await.newest, None, "the platform's");

    let draft = stage.draft(maintainer, None, "8Gi").await.unwrap();
    assert_eq!((draft.newest, draft.profile.of.memory.as_str()), (Some(1), "8Gi"));
    let now = stage.now().await;
    assert_eq!(
        (now.profile.of.memory.as_str(), now.profile.of.project_id),
        ("4Gi", None)
    );
    let own = stage.publish(maintainer, 1).await;
    assert!(
        matches!(&own, Err(Error::Forbidden(why)) if why.contains("second person")),
        "{own:?}"
    );
    let contributor = stage.publish(&stage.contributor, 1).await;
    assert!(matches!(contributor, Err(Error::Forbidden(_))), "{contributor:?}");

    let newer = stage.draft(&stage.contributor, Some(1), "16Gi").await.unwrap();
    assert_eq!(newer.newest, Some(2));
    let seen_before = stage.publish(maintainer, 1).await;
    assert!(
        matches!(seen_before, Err(Error::StaleVersion)),
        "what was looked at is not what is newest: {seen_before:?}"
    );
    let published = stage.publish(maintainer, 2).await.unwrap();
    assert!(published.profile.version.published.is_some());
    assert_eq!(stage.now().await.profile.of.memory, "16Gi");
    let again = stage.publish(maintainer, 2).await.unwrap();
    assert_eq!(again, published, "asking twice changes nothing");

    let faster = stage.draft(&stage.contributor, Some(1), "2Gi").await;
    assert!(matches!(faster, Err(Error::StaleVersion)), "{faster:?}");
    let own = stage.draft(&stage.admin, Some(2), "2Gi").await.unwrap();
    stage.publish(&stage.admin, own.newest.unwrap()).await.unwrap();
    assert_eq!(stage.now().await.profile.of.memory, "2Gi");
    assert_eq!(
        (
            stage.audited("agent_draft").await,
            stage.audited("agent_publish").await
        ),
        (3, 2)
    );
    stage.db.done().await;
}

#[tokio::test]
async fn a_run_keeps_the_version_it_began_with() {
    let stage = Stage::new().await;
    let queued = stage.alpha.start(&stage.orchestrator, Some(1)).await.unwrap();
    stage.draft(&stage.admin, None, "8Gi").await.unwrap();
    stage.publish(&stage.admin, 1).await.unwrap();
    admit_and_run(&stage.orchestrator).await.unwrap();
    let later = stage.alpha.start(&stage.orchestrator, Some(2)).await.unwrap();
    let mut tx = stage.orchestrator.begin("test").await.unwrap();
    let mut memory = Vec::new();
    for id in [queued.agent_profile_id, later.agent_profile_id] {
        memory.push(agent::get_profile(&mut tx, id).await.unwrap().memory);
    }
    assert_eq!(memory, ["4Gi", "8Gi"]);
    stage.db.done().await;
}

#[tokio::test]
async fn a_profile_limits_its_runs_below_the_projects_time() {
    let stage = Stage::new().await;
    let on = (Some(stage.alpha.project_id), "dev");
    let change = |active_seconds| AgentChange {
        active_seconds: Some(Some(active_seconds)),
        ..AgentChange::default()
    };
    let mut limits = Vec::new();
    for (version, seconds) in [(1, 600), (2, 604_800)] {
        let made_on = Some(version - 1).filter(|made_on| *made_on > 0);
        let (orchestrator, admin) = (&stage.orchestrator, &stage.admin);
        agent::update_agent(orchestrator, admin, on, made_on, change(seconds), None)
            .await
            .unwrap();
        stage.publish(admin, version).await.unwrap();
        let number = Some(i64::from(version));
        limits.push(
            stage
                .alpha
                .start(orchestrator, number)
                .await
                .unwrap()
                .active_seconds_limit,
        );
    }
    assert_eq!(limits, [600, 3600]);
    stage.db.done().await;
}

#[tokio::test]
async fn every_fault_of_a_draft_is_told_at_once_and_nothing_is_saved() {
    let stage = Stage::new().await;
    let change = AgentChange {
        model: Some(Some("gpt-unknown".into())),
        ..AgentChange::default()
    };
    let on = (Some(stage.alpha.project_id), "dev");
    let update = |on, change| agent::update_agent(&stage.orchestrator, &stage.admin, on, None, change, None);
    let unknown = update(on, change).await;
    assert!(
        matches!(&unknown, Err(Error::Invalid(why)) if why.contains("gpt-unknown")),
        "{unknown:?}"
    );
    let change = AgentChange {
        cpu: Some("many".into()),
        write_include: Some(vec!["a[".into()]),
        ..AgentChange::default()
    };
    let faults = update(on, change).await;
    assert!(
        matches!(&faults, Err(Error::Invalid(why)) if why.contains("write_include") && why.contains("cpu")),
        "{faults:?}"
    );
    let stage_of_none = update((Some(stage.alpha.project_id), "devel"), AgentChange::default()).await;
    assert!(
        matches!(stage_of_none, Err(Error::Invalid(_))),
        "{stage_of_none:?}"
    );
    assert_eq!(stage.now().await.newest, None);
    stage.db.done().await;
}

/// The same key twice saves one draft; and foreign is like missing.
#[tokio::test]
async fn a_repeated_draft_is_one_and_strangers_see_none() {
    let stage = Stage::new().await;
    let beta = seed(&stage.orchestrator, "beta", 2, 1).await.unwrap();
    let on = (Some(stage.alpha.project_id), "dev");
    let once = async || {
        let key = Key::new("agent_update", "k", &"same").unwrap();
        let change = AgentChange::default();
        agent::update_agent(&stage.orchestrator, &stage.admin, on, None, change, Some(key)).await
    };
    let first = once().await.unwrap();
    assert_eq!(once().await.unwrap(), first);
    let told = async |project_id: ProjectId| {
        let read = agent::read_agent(
            &stage.orchestrator,
            &beta.maintainer,
            Some(project_id),
            "dev",
            None,
        );
        read.await.unwrap_err().to_string()
    };
    assert_eq!(told(stage.alpha.project_id).await, told(ProjectId::new()).await);
    let platforms = (None, "dev");
    let theirs = agent::update_agent(
        &stage.orchestrator,
        &stage.admin,
        platforms,
        Some(1),
        AgentChange::default(),
        None,
    );
    assert!(matches!(theirs.await, Err(Error::NotFound { .. })));
    let own = agent::update_agent(
        &stage.orchestrator,
        &stage.owner,
        platforms,
        Some(1),
        AgentChange::default(),
        None,
    );
    assert_eq!(own.await.unwrap().newest, Some(2));
    stage.db.done().await;
}

#[tokio::test]
async fn prompts_are_drafted_and_published_by_kind() {
    let stage = Stage::new().await;
    let (orchestrator, maintainer) = (&stage.orchestrator, &stage.alpha.maintainer);
    let place = (Some(stage.alpha.project_id), "dev", Kind::Review);
    let save = |by, made_on, body| agent::save_prompt(orchestrator, by, place, made_on, body, None);
    let unknown: Result<PromptHead> = save(maintainer, None, "{{ secrets }}").await;
    assert!(matches!(unknown, Err(Error::Invalid(_))), "{unknown:?}");
    let without_issue = save(maintainer, None, "{{ issue.text }}").await;
    assert!(
        matches!(without_issue, Err(Error::Invalid(_))),
        "a run may have no issue: {without_issue:?}"
    );
    let draft = save(maintainer, None, "Judge {{ repository }}.").await.unwrap();
    assert_eq!((draft.newest, draft.prompt.of.shipped), (Some(1), false));
    let own = agent::publish_draft(orchestrator, maintainer, place, 1, None).await;
    assert!(matches!(own, Err(Error::Forbidden(_))), "{own:?}");
    agent::publish_draft(orchestrator, &stage.admin, place, 1, None)
        .await
        .unwrap();

    let listed = agent::list_prompts(orchestrator, maintainer, Some(stage.alpha.project_id));
    let listed = listed.await.unwrap();
    assert_eq!(listed.len(), 13 * 3);
    let own: Vec<_> = listed
        .iter()
        .filter(|head| head.prompt.of.project_id.is_some())
        .map(|head| (head.prompt.of.stage.as_str(), head.prompt.of.kind))
        .collect();
    assert_eq!(own, [("dev", Kind::Review)]);

    // What a newer platform ships replaces nothing of a project's, and nothing that people changed.
    let default = (None, "plan", Kind::Work);
    let changed = agent::save_prompt(orchestrator, &stage.owner, default, Some(1), "Plan.", None);
    changed.await.unwrap();
    agent::publish_draft(orchestrator, &stage.owner, default, 2, None)
        .await
        .unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    agent::seed_defaults(&mut tx).await.unwrap();
    let kept = agent::prompt_for(&mut tx, stage.alpha.project_id, "plan", Kind::Work).await;
    assert_eq!(kept.unwrap().body, "Plan.");
    drop(tx);
    stage.db.done().await;
}

#[tokio::test]
async fn only_owners_set_models_and_a_model_that_moves_takes_no_key_along() {
    use orchestrator::credential::secret::{self, NewSecret, SecretKind};

    let stage = Stage::new().await;
    let (orchestrator, owner) = (&stage.orchestrator, &stage.owner);
    let at = |base_url: &str| Model {
        model: "gpt-6".into(),
        api: Api::default(),
        base_url: base_url.into(),
        input_micro_usd: Some(1),
        cached_input_micro_usd: None,
        output_micro_usd: Some(2),
    };
    let here = || at("https://one.example/v1");
    for other in [&stage.admin, &stage.contributor] {
        let refused = agent::save_model(orchestrator, other, here(), None, None).await;
        assert!(matches!(
            refused,
            Err(Error::NotFound { .. } | Error::Forbidden(_))
        ));
    }
    agent::save_model(orchestrator, owner, here(), None, None)
        .await
        .unwrap();
    let twice = agent::save_model(orchestrator, owner, here(), None, None).await;
    assert!(matches!(twice, Err(Error::StaleVersion)), "{twice:?}");
    let key = NewSecret {
        project_id: None,
        name: "one".into(),
        kind: SecretKind::ModelKey,
        host: Some("https://one.example".into()),
        value: "sk-canary".into(),
    };
    secret::set(orchestrator, owner, key, None).await.unwrap();

    let moved = at("https://two.example/v1");
    let (moved, version) = agent::save_model(orchestrator, owner, moved, Some(1), None)
        .await
        .unwrap();
    assert_eq!(version, 2);
    let place = secret::origin(&moved.base_url).unwrap();
    assert!(secret::model_key(orchestrator, &place).await.unwrap().is_none());
    let spoilt = at("https://user:word@two.example/v1");
    let spoilt = agent::save_model(orchestrator, owner, spoilt, Some(2), None).await;
    assert!(matches!(spoilt, Err(Error::Invalid(_))), "{spoilt:?}");
    let seen = agent::models(orchestrator, &stage.contributor).await.unwrap();
    assert_eq!(seen, [(moved, 2)]);
    let stranger = person(orchestrator, 99, None).await;
    assert!(agent::models(orchestrator, &stranger).await.is_err());
    assert_eq!(stage.audited("model_set").await, 2);
    stage.db.done().await;
}

/// What the platform's profile of a stage protects holds for a project's own: when it is saved, when it is published, and
/// for a version that is older than the platform's.
#[tokio::test]
async fn a_projects_profile_keeps_the_sandbox_of_the_platforms() {
    let stage = Stage::new().await;
    let (orchestrator, on) = (&stage.orchestrator, (Some(stage.alpha.project_id), "dev"));
    let class = |class: Option<&str>| AgentChange {
        runtime_class: Some(class.map(str::to_owned)),
        ..AgentChange::default()
    };
    stage.draft(&stage.admin, None, "8Gi").await.unwrap();
    stage.publish(&stage.admin, 1).await.unwrap();
    stage.draft(&stage.admin, Some(1), "2Gi").await.unwrap();
    let before = stage.alpha.start(orchestrator, Some(1)).await.unwrap();

    let platforms = (None, "dev");
    let gvisor = class(Some("gvisor"));
    agent::update_agent(
        orchestrator,
        &stage.owner,
        platforms,
        Some(1),
        gvisor.clone(),
        None,
    )
    .await
    .unwrap();
    agent::publish_agent(orchestrator, &stage.owner, platforms, 2, None)
        .await
        .unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    let of_run = agent::get_profile(&mut tx, before.agent_profile_id)
        .await
        .unwrap();
    let of_next = agent::profile_for(&mut tx, stage.alpha.project_id, "dev")
        .await
        .unwrap();
    drop(tx);
    for profile in [of_run, of_next] {
        assert_eq!(
            (profile.memory.as_str(), profile.runtime_class.as_deref()),
            ("8Gi", Some("gvisor"))
        );
    }
    let told = |refused: Result<Agent>| {
        assert!(
            matches!(&refused, Err(Error::Invalid(why)) if why.contains("runtime_class") && why.contains("gvisor")),
            "{refused:?}"
        );
    };
    told(stage.publish(&stage.admin, 2).await);
    for change in [class(None), class(Some("runc"))] {
        told(agent::update_agent(orchestrator, &stage.admin, on, Some(2), change, None).await);
    }
    agent::update_agent(orchestrator, &stage.admin, on, Some(2), gvisor, None)
        .await
        .unwrap();
    stage.publish(&stage.admin, 3).await.unwrap();
    stage.db.done().await;
}
