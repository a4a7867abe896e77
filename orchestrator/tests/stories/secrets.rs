//! What people give the platform to keep: used, replaced, sealed anew, and never seen again.

use orchestrator::actor::{PlatformRole, Role};
use orchestrator::credential::MasterKey;
use orchestrator::credential::secret::{self, NewSecret, Secret, SecretKind};
use orchestrator::id::ProjectId;
use orchestrator::idempotency::Key;
use orchestrator::page::PageAsk;
use orchestrator::testing::{TestDb, dump, seed};
use orchestrator::{Actor, Clock, Error, Orchestrator, Result, credential, identity, project};
use secrecy::ExposeSecret;

const VALUE: &str = "sk-canary-value-of-a-secret";
const HOST: &str = "https://api.example.com";

fn value_of(project_id: ProjectId, value: &str) -> NewSecret {
    NewSecret {
        project_id: Some(project_id),
        name: "database".into(),
        kind: SecretKind::Value,
        host: None,
        value: value.into(),
    }
}

fn model_key(host: Option<&str>, value: &str) -> NewSecret {
    NewSecret {
        project_id: None,
        name: "provider".into(),
        kind: SecretKind::ModelKey,
        host: host.map(str::to_owned),
        value: value.into(),
    }
}

async fn person(orchestrator: &Orchestrator, id: i64, platform_role: Option<PlatformRole>) -> Actor {
    let mut tx = orchestrator.begin("test").await.unwrap();
    let login = format!("person-{id}");
    let person = identity::ensure_person(&mut tx, id, &login, platform_role)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    person.actor()
}

async fn member(orchestrator: &Orchestrator, project_id: ProjectId, id: i64, role: Role) -> Actor {
    let actor = person(orchestrator, id, None).await;
    let (system, person_id) = (Actor::System("test"), actor.person_id().unwrap());
    project::set_member(orchestrator, &system, project_id, person_id, Some(role))
        .await
        .unwrap();
    actor
}

async fn listed(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: Option<ProjectId>,
) -> Result<Vec<Secret>> {
    let page = PageAsk::new(None, None).unwrap();
    secret::list(orchestrator, actor, project_id, page)
        .await
        .map(|page| page.items)
}

fn kind(result: Result<Secret>) -> &'static str {
    match result {
        Ok(_) => "kept",
        Err(Error::Forbidden(_)) => "forbidden",
        Err(Error::NotFound { .. }) => "not_found",
        Err(Error::Invalid(_)) => "invalid",
        Err(Error::Conflict(_)) => "conflict",
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn who_may_keep_what() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let of = seed(&orchestrator, "alpha", 1, 1).await.unwrap().project_id;
    let admin = member(&orchestrator, of, 71, Role::Admin).await;
    let maintainer = member(&orchestrator, of, 72, Role::Maintainer).await;
    let viewer = member(&orchestrator, of, 73, Role::Viewer).await;
    let owner = person(&orchestrator, 74, Some(PlatformRole::Owner)).await;
    let operator = person(&orchestrator, 75, Some(PlatformRole::Operator)).await;
    let stranger = person(&orchestrator, 76, None).await;
    let set = async |actor: &Actor, new: NewSecret| kind(secret::set(&orchestrator, actor, new, None).await);

    assert_eq!(set(&admin, value_of(of, VALUE)).await, "kept");
    assert_eq!(set(&maintainer, value_of(of, VALUE)).await, "forbidden");
    assert_eq!(set(&viewer, value_of(of, VALUE)).await, "forbidden");
    assert_eq!(set(&stranger, value_of(of, VALUE)).await, "not_found");
    assert_eq!(set(&operator, value_of(of, VALUE)).await, "forbidden");
    assert_eq!(set(&owner, model_key(Some(HOST), VALUE)).await, "kept");
    assert_eq!(set(&operator, model_key(Some(HOST), VALUE)).await, "forbidden");
    assert_eq!(set(&admin, model_key(Some(HOST), VALUE)).await, "not_found");

    for (actor, expected) in [
        (&admin, Some(1)),
        (&maintainer, Some(1)),
        (&operator, Some(1)),
        (&viewer, None),
    ] {
        let seen = listed(&orchestrator, actor, Some(of))
            .await
            .ok()
            .map(|all| all.len());
        assert_eq!(seen, expected, "{actor}");
    }
    assert!(listed(&orchestrator, &admin, None).await.is_err());
    assert_eq!(listed(&orchestrator, &operator, None).await.unwrap().len(), 1);

    for bad in [
        model_key(None, VALUE),
        model_key(Some("http://api.example.com"), VALUE),
        model_key(Some(HOST), ""),
        NewSecret {
            name: "Not A Name".into(),
            ..model_key(Some(HOST), VALUE)
        },
        NewSecret {
            project_id: Some(of),
            ..model_key(Some(HOST), VALUE)
        },
        NewSecret {
            host: Some(HOST.into()),
            ..value_of(of, VALUE)
        },
    ] {
        assert_eq!(set(&owner, bad).await, "invalid");
    }
    let second = NewSecret {
        name: "other".into(),
        ..model_key(Some(&format!("{HOST}/v1")), VALUE)
    };
    assert_eq!(set(&owner, second).await, "conflict", "one host, one key");
    db.done().await;
}

#[tokio::test]
async fn a_value_is_used_at_its_place_and_seen_nowhere() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let owner = person(&orchestrator, 74, Some(PlatformRole::Owner)).await;
    let key = |value: &str| {
        let digest = secret::fingerprint(&orchestrator, &value.into()).unwrap();
        Some(Key::new("secret_set", "once", &digest).unwrap())
    };
    let set =
        async |value: &str, key| secret::set(&orchestrator, &owner, model_key(Some(HOST), value), key).await;
    let first = set(VALUE, key(VALUE)).await.unwrap();
    let again = set(VALUE, key(VALUE)).await.unwrap();
    assert_eq!((first.version, again.version, first.last_used_at), (1, 1, None));
    let other = set("sk-another", key("sk-another")).await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)));

    let used = async |host: &str| secret::model_key(&orchestrator, host).await.unwrap();
    assert_eq!(used(HOST).await.unwrap().expose_secret(), VALUE);
    assert!(used("https://api.example.com.evil.test").await.is_none());
    assert!(used("https://api.example.com:8443").await.is_none());
    let seen = listed(&orchestrator, &owner, None).await.unwrap();
    assert!(seen[0].last_used_at.is_some());
    assert!(!format!("{seen:?}").contains(VALUE));
    let everything = dump(db.url()).await.unwrap();
    assert!(!everything.contains(VALUE), "not in the clear");

    let replaced = set("sk-the-next", None).await.unwrap();
    assert_eq!((replaced.secret_id, replaced.version), (first.secret_id, 2));
    assert_eq!(used(HOST).await.unwrap().expose_secret(), "sk-the-next");
    db.done().await;
}

#[tokio::test]
async fn a_new_master_key_takes_over_without_a_gap() {
    let db = TestDb::new().await;
    let old = MasterKey::generate();
    let before = db.orchestrator_with(Clock::default(), old.clone()).await;
    let audience = "http://tools.test/mcp";
    credential::ensure_signing_key(&before, audience, credential::SealedBy::Master)
        .await
        .unwrap();
    let owner = person(&before, 74, Some(PlatformRole::Owner)).await;
    let kept = secret::set(&before, &owner, model_key(Some(HOST), VALUE), None)
        .await
        .unwrap();
    assert_eq!(kept.key_id, old.id());

    let both = old.rotated();
    let during = db.orchestrator_with(Clock::default(), both.clone()).await;
    assert_eq!(
        secret::model_key(&during, HOST)
            .await
            .unwrap()
            .unwrap()
            .expose_secret(),
        VALUE
    );
    assert!(
        secret::reseal(&during).await.unwrap() >= 2,
        "a secret and a signing key"
    );
    assert_eq!(
        secret::reseal(&during).await.unwrap(),
        0,
        "asking twice changes nothing"
    );

    let after = db.orchestrator_with(Clock::default(), both.without_older()).await;
    assert_eq!(
        secret::model_key(&after, HOST)
            .await
            .unwrap()
            .unwrap()
            .expose_secret(),
        VALUE
    );
    credential::require_signing_key(&after, audience).await.unwrap();
    let refused = secret::model_key(&before, HOST).await;
    assert!(
        matches!(refused, Err(Error::Precondition(_))),
        "the old key opens it no more"
    );
    assert!(secret::reseal(&before).await.is_err());
    db.done().await;
}
