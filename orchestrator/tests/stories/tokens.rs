//! Run tokens: issued from rows, refused when revoked, expired or for another audience.

use jiff::SignedDuration;
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::credential::{self, Leniency, MasterKey, SealedBy};
use orchestrator::run;
use orchestrator::testing::{AUDIENCE, TestDb, admit_and_run, seed, supervisor_of};
use orchestrator::{Actor, Clock, Error, Orchestrator, Settings};
use secrecy::ExposeSecret;

#[tokio::test]
async fn a_run_token_counts_until_its_turn_ends() {
    let db = TestDb::new().await;
    let clock = Clock::default();
    let key = MasterKey::generate();
    let orchestrator = db.orchestrator_with(clock.clone(), key.clone()).await;
    let replica = db.orchestrator_with(clock.clone(), key).await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(1)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let (supervisor, agent) = credential::refresh_run_tokens(&orchestrator, AUDIENCE, &supervisor_of(&run))
        .await
        .unwrap();
    let (supervisor, agent) = (supervisor.token, agent.token);
    let shown = |token: &secrecy::SecretString, leniency| {
        let (replica, token) = (replica.clone(), token.expose_secret().to_owned());
        async move { credential::authenticate(&replica, AUDIENCE, &token, leniency).await }
    };
    let actor = shown(&supervisor, Leniency::None).await.unwrap();
    assert!(matches!(actor, Actor::Run(it) if it.run_id == run.run_id && it.turn == 1 && it.fence == 1));
    let elsewhere = credential::authenticate(
        &replica,
        "http://other/mcp",
        agent.expose_secret(),
        Leniency::None,
    )
    .await;
    assert!(matches!(elsewhere, Err(Error::Unauthenticated(_))));

    clock.advance(SignedDuration::from_mins(61));
    assert!(shown(&supervisor, Leniency::None).await.is_err());
    assert!(shown(&supervisor, Leniency::Refresh).await.is_ok());
    assert!(shown(&agent, Leniency::Refresh).await.is_err());

    run::cancel(&orchestrator, &project.maintainer, run.run_id, None, None)
        .await
        .unwrap();
    let revoked = shown(&supervisor, Leniency::Refresh).await;
    assert!(matches!(revoked, Err(Error::Unauthenticated(text)) if text.contains("revoked")));
    db.done().await;
}

#[tokio::test]
async fn a_token_of_a_program_says_what_it_was_made_for() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let until = orchestrator.clock().now() + SignedDuration::from_hours(1);
    let service = credential::issue_service_token(
        &orchestrator,
        AUDIENCE,
        project.project_id,
        "ci",
        Role::Viewer,
        until,
    )
    .await
    .unwrap();
    let platform =
        credential::issue_platform_token(&orchestrator, AUDIENCE, "ops", PlatformRole::Auditor, until)
            .await
            .unwrap();
    let shown = async |token: &credential::SignedToken| {
        credential::authenticate(
            &orchestrator,
            AUDIENCE,
            token.token.expose_secret(),
            Leniency::None,
        )
        .await
        .unwrap()
    };
    let actor = shown(&service).await;
    assert!(
        matches!(&actor, Actor::Service { name, project_id, role: Role::Viewer, .. }
            if name == "ci" && *project_id == project.project_id),
        "{actor:?}"
    );
    let actor = shown(&platform).await;
    assert!(
        matches!(&actor, Actor::Platform { name, role: PlatformRole::Auditor, .. } if name == "ops"),
        "{actor:?}"
    );
    db.done().await;
}

#[tokio::test]
async fn a_token_signed_twice_is_the_same_token() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    project.start(&orchestrator, Some(1)).await.unwrap();
    let run = admit_and_run(&orchestrator).await.unwrap();
    let job = run::jobs::StartRunner {
        run_id: run.run_id,
        turn: run.turn,
        fence: run.fence,
    };
    let late = run::want_pod(&orchestrator, AUDIENCE, &job, None).await;
    assert!(
        matches!(late, Err(Error::Conflict(_))),
        "a running turn wants no second pod"
    );
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT jti FROM access_tokens ORDER BY jti")
        .fetch_all(db.pool())
        .await
        .unwrap();
    for jti in ids {
        let first = credential::sign(&orchestrator, jti.into()).await.unwrap();
        let second = credential::sign(&orchestrator, jti.into()).await.unwrap();
        assert_eq!(first.token.expose_secret(), second.token.expose_secret());
    }
    db.done().await;
}

#[tokio::test]
async fn a_program_that_signs_starts_with_a_key_that_opens() {
    let db = TestDb::new().await;
    let key = MasterKey::generate();
    let orchestrator = db.orchestrator_with(Clock::default(), key.clone()).await;
    let refused = |refused: orchestrator::error::Result<()>| match refused {
        Err(Error::Precondition(text)) => text,
        other => panic!("{other:?}"),
    };
    let missing = refused(credential::require_signing_key(&orchestrator, AUDIENCE).await);
    assert!(missing.contains("codex-k8s init"), "{missing}");
    credential::ensure_signing_key(&orchestrator, AUDIENCE, SealedBy::Master)
        .await
        .unwrap();
    credential::require_signing_key(&orchestrator, AUDIENCE)
        .await
        .unwrap();

    let stranger = db.orchestrator().await;
    let closed = refused(credential::require_signing_key(&stranger, AUDIENCE).await);
    assert!(closed.contains("mount the master key"), "{closed}");
    let keyless = Settings {
        database_url: db.url().into(),
        max_connections: 3,
        look_connections: 0,
        master_key: None,
        edge_key: None,
    };
    let keyless = Orchestrator::open(keyless, Clock::default()).await.unwrap();
    keyless.check().await.unwrap();
    let none = refused(credential::require_signing_key(&keyless, AUDIENCE).await);
    assert!(none.contains("no master key"), "{none}");
    for opened in [orchestrator, stranger, keyless] {
        opened.close().await;
    }
    db.done().await;
}
