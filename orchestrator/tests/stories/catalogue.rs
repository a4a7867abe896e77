//! Projects, repositories, people and agents as the command line and seeds make them.

use orchestrator::agent::{self, Adapter, Api, Kind, Model, Output, Profile, PromptFacts, STAGES};
use orchestrator::postgres::Tx;
use orchestrator::project::{self, Limits, NewProject};
use orchestrator::repository::{self, NewRepository};
use orchestrator::testing::{TestDb, seed};
use orchestrator::trigger::Source;
use orchestrator::{Actor, Error, identity, trigger};

const SYSTEM: Actor = Actor::System("test");

fn facts() -> PromptFacts {
    PromptFacts {
        repository: "octo/alpha".into(),
        default_branch: "main".into(),
        branch: "codex/issue-1".into(),
        instruction: None,
        issue: None,
    }
}

async fn done(tx: Tx) {
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_stage_has_a_profile_and_a_prompt() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    for stage in &STAGES {
        let profile = agent::profile_for(&mut tx, project.project_id, stage.name)
            .await
            .unwrap();
        assert_eq!((profile.output, profile.project_id), (stage.output, None));
        for kind in Kind::ALL {
            let prompt = agent::render_prompt(&mut tx, project.project_id, stage.name, *kind, &facts())
                .await
                .unwrap();
            assert!(prompt.contains(stage.task(*kind)), "{} {kind}", stage.name);
        }
    }
    agent::seed_defaults(&mut tx).await.unwrap();
    let prompt = agent::prompt_for(&mut tx, project.project_id, "dev", Kind::Work)
        .await
        .unwrap();
    assert_eq!(prompt.version, 1, "asking twice changes nothing");
    let unknown = agent::profile_for(&mut tx, project.project_id, "sleep").await;
    assert!(matches!(unknown, Err(Error::Precondition(_))));
    drop(tx);
    db.done().await;
}

#[tokio::test]
async fn a_projects_own_profile_and_prompt_win() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let beta = seed(&orchestrator, "beta", 2, 1).await.unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    let model = Model {
        model: "gpt-6".into(),
        api: Api::Responses,
        base_url: "https://models.example/v1".into(),
        input_micro_usd: Some(1),
        cached_input_micro_usd: None,
        output_micro_usd: Some(2),
    };
    let mut own = Profile::codex("dev", Output::PullRequest);
    own.project_id = Some(alpha.project_id);
    own.model = Some("gpt-6".into());
    let unknown = agent::set_profile(&mut tx, &SYSTEM, &own).await;
    assert!(
        matches!(&unknown, Err(Error::Invalid(text)) if text.contains("gpt-6")),
        "{unknown:?}"
    );
    agent::set_model(&mut tx, &SYSTEM, &model).await.unwrap();
    agent::set_profile(&mut tx, &SYSTEM, &own).await.unwrap();
    own.adapter = Adapter::Command;
    assert!(
        matches!(
            agent::set_profile(&mut tx, &SYSTEM, &own).await,
            Err(Error::Invalid(_))
        ),
        "no command"
    );
    own.command = vec!["/bin/agent".into()];
    own.write_include = vec!["src/[".into()];
    assert!(
        matches!(
            agent::set_profile(&mut tx, &SYSTEM, &own).await,
            Err(Error::Invalid(_))
        ),
        "no glob"
    );
    own.write_include = vec!["src/**".into()];
    let first = agent::profile_for(&mut tx, alpha.project_id, "dev")
        .await
        .unwrap();
    let changed = agent::set_profile(&mut tx, &SYSTEM, &own).await.unwrap();
    assert_ne!(
        changed.agent_profile_id, first.agent_profile_id,
        "a change is another version"
    );
    let before = agent::get_profile(&mut tx, first.agent_profile_id).await.unwrap();
    assert_eq!(before, first, "who began with it keeps it");
    let of_run = agent::get_profile(&mut tx, changed.agent_profile_id)
        .await
        .unwrap();
    assert_eq!(
        (of_run.adapter, &of_run.command),
        (Adapter::Command, &own.command)
    );
    let others = agent::profile_for(&mut tx, beta.project_id, "dev").await.unwrap();
    assert_eq!((others.adapter, others.project_id), (Adapter::Codex, None));

    let place = (Some(alpha.project_id), "dev", Kind::Work);
    let text = "Work on {{ branch }}.";
    let first = agent::publish_prompt(&mut tx, &SYSTEM, place, text)
        .await
        .unwrap();
    let same = agent::publish_prompt(&mut tx, &SYSTEM, place, text)
        .await
        .unwrap();
    let second = agent::publish_prompt(&mut tx, &SYSTEM, place, "Work well on {{ branch }}.")
        .await
        .unwrap();
    assert_eq!((first.version, same.version, second.version), (1, 1, 2));
    let broken = agent::publish_prompt(&mut tx, &SYSTEM, place, "{{ brunch }}").await;
    assert!(matches!(broken, Err(Error::Invalid(_))));
    let rendered = agent::render_prompt(&mut tx, alpha.project_id, "dev", Kind::Work, &facts())
        .await
        .unwrap();
    assert_eq!(rendered, "Work well on codex/issue-1.");
    let others = agent::render_prompt(&mut tx, beta.project_id, "dev", Kind::Work, &facts())
        .await
        .unwrap();
    assert_ne!(others, rendered);
    done(tx).await;
    db.done().await;
}

#[tokio::test]
async fn projects_and_repositories_are_made_once() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 3).await.unwrap();
    let new = |slug: &str| NewProject {
        slug: slug.into(),
        name: "Name".into(),
        limits: Limits::default(),
        lockdown: true,
        slots: 1,
    };
    let taken = project::create(&orchestrator, &SYSTEM, new("alpha")).await;
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
    for slug in ["", "a", "1a", "Ab", "a_b", "ab-", &"a".repeat(33)] {
        let refused = project::create(&orchestrator, &SYSTEM, new(slug)).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{slug}");
    }
    let beta = project::create(&orchestrator, &SYSTEM, new("beta"))
        .await
        .unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    let rules = trigger::rules(&mut tx, beta.project_id, Source::Github)
        .await
        .unwrap();
    let internal = trigger::rules(&mut tx, beta.project_id, Source::Internal)
        .await
        .unwrap();
    let rules = [rules, internal].concat();
    assert_eq!(rules, trigger::seeded(), "what was stored is what is read");
    assert_eq!(
        project::find_by_slug(&mut tx, "beta").await.unwrap(),
        Some(beta.clone())
    );
    drop(tx);

    let attach = |project_id, name: &str| NewRepository {
        project_id,
        github_repository_id: 5001,
        installation_id: 8,
        owner: "octo".into(),
        name: name.into(),
        default_branch: "trunk".into(),
        clone_url: "http://127.0.0.1:1/octo/x.git".into(),
        agent_image: None,
    };
    let stolen = repository::attach(&orchestrator, &SYSTEM, attach(beta.project_id, "x")).await;
    assert!(matches!(stolen, Err(Error::Conflict(_))), "{stolen:?}");
    let detached = repository::detach(&orchestrator, &SYSTEM, alpha.repository_id, None)
        .await
        .unwrap();
    assert!(detached.detached_at.is_some());
    let renewed = repository::attach(&orchestrator, &SYSTEM, attach(alpha.project_id, "renamed"))
        .await
        .unwrap();
    assert_eq!(
        (renewed.repository_id, renewed.detached_at),
        (alpha.repository_id, None)
    );
    assert_eq!(
        (renewed.at().name.as_str(), renewed.at().installation_id),
        ("renamed", 8)
    );

    let paused = project::pause(&orchestrator, &SYSTEM, beta.project_id)
        .await
        .unwrap();
    let again = project::pause(&orchestrator, &SYSTEM, beta.project_id)
        .await
        .unwrap();
    assert_eq!(paused.paused_at, again.paused_at);
    assert_eq!(
        project::resume(&orchestrator, &SYSTEM, beta.project_id)
            .await
            .unwrap()
            .paused_at,
        None
    );
    let limits = Limits {
        max_live_runs: 9,
        active_seconds: 60,
        budget_micro_usd: Some(5),
        run_cost_micro_usd: Some(3),
    };
    let limited = project::set_limits(&orchestrator, &SYSTEM, beta.project_id, limits)
        .await
        .unwrap();
    assert_eq!(limited.limits, limits);
    let bad = project::set_limits(
        &orchestrator,
        &SYSTEM,
        beta.project_id,
        Limits {
            active_seconds: 0,
            ..limits
        },
    )
    .await;
    assert!(matches!(bad, Err(Error::Invalid(_))));
    db.done().await;
}

#[tokio::test]
async fn a_person_is_a_number_whatever_its_login() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let mut tx = orchestrator.begin("test").await.unwrap();
    let first = identity::ensure_person(&mut tx, 7, "dana", None).await.unwrap();
    let renamed = identity::ensure_person(&mut tx, 7, "dana-new", None)
        .await
        .unwrap();
    assert_eq!(
        (first.person_id, renamed.login.as_str()),
        (renamed.person_id, "dana-new")
    );
    let took_over = identity::ensure_person(&mut tx, 8, "dana", None).await.unwrap();
    assert_ne!(took_over.person_id, first.person_id);
    assert_eq!(identity::find_by_github_user_id(&mut tx, 9).await.unwrap(), None);
    assert_eq!(identity::get(&mut tx, first.person_id).await.unwrap(), renamed);
    drop(tx);
    db.done().await;
}

#[tokio::test]
async fn an_agent_gets_a_model_that_speaks_its_api() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let alpha = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let mut tx = orchestrator.begin("test").await.unwrap();
    for api in Api::ALL {
        let model = Model {
            model: api.to_string(),
            api: *api,
            base_url: "https://models.example/v1".into(),
            input_micro_usd: None,
            cached_input_micro_usd: None,
            output_micro_usd: None,
        };
        agent::set_model(&mut tx, &SYSTEM, &model).await.unwrap();
        let kept = agent::find_model(&mut tx, &model.model).await.unwrap();
        assert_eq!(kept, Some(model));
    }
    for (adapter, model, fits) in [
        (Adapter::Codex, Api::Responses, true),
        (Adapter::Codex, Api::Messages, false),
        (Adapter::Claude, Api::Messages, true),
        (Adapter::Claude, Api::Responses, false),
        (Adapter::Command, Api::Messages, true),
    ] {
        let profile = Profile {
            project_id: Some(alpha.project_id),
            adapter,
            command: vec!["/bin/agent".into()],
            model: Some(model.to_string()),
            ..Profile::codex("dev", Output::PullRequest)
        };
        let set = agent::set_profile(&mut tx, &SYSTEM, &profile).await;
        match set {
            Ok(set) => assert!(fits && set.adapter == adapter, "{set:?}"),
            Err(Error::Invalid(why)) => assert!(!fits && why.contains("speaks"), "{why}"),
            Err(other) => panic!("{other}"),
        }
    }
    drop(tx);
    db.done().await;
}
