//! People's sessions and the tokens made from them: what counts, until when, and who may end it.

use jiff::SignedDuration;
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::credential::{
    self, EdgeKey, Leniency, MasterKey, Narrowing, NewToken, SealedBy, TokenOrigin,
};
use orchestrator::id::{GrantId, PersonId, SessionId};
use orchestrator::identity::rule::{self, Grant};
use orchestrator::identity::session::{self, Browser, MAX_PER_PERSON, Method, Opened};
use orchestrator::identity::{self, Person};
use orchestrator::ports::identity::Group;
use orchestrator::testing::{AUDIENCE, PUBLIC_AUDIENCE, TestDb};
use orchestrator::{Actor, Clock, Error, Orchestrator};
use secrecy::ExposeSecret;

const SYSTEM: Actor = Actor::System("test");

struct World {
    db: TestDb,
    clock: Clock,
    /// As the gateway has it: it cannot open what the master key sealed.
    edge: Orchestrator,
    /// As mcp-server has it.
    inside: Orchestrator,
}

impl World {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let clock = Clock::default();
        let inside = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
        let edge = db.edge(clock.clone(), EdgeKey::generate()).await;
        credential::ensure_signing_key(&inside, AUDIENCE, SealedBy::Master)
            .await
            .unwrap();
        credential::ensure_signing_key(&edge, PUBLIC_AUDIENCE, SealedBy::Edge)
            .await
            .unwrap();
        Self {
            db,
            clock,
            edge,
            inside,
        }
    }

    async fn person(&self, id: i64, role: Option<PlatformRole>) -> Person {
        let mut tx = self.edge.begin("test.person").await.unwrap();
        let person = identity::ensure_person(&mut tx, id, &format!("person-{id}"), role)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        person
    }

    async fn open(&self, person: &Person, before: Option<&str>) -> Opened {
        let mut tx = self.edge.begin("test.open").await.unwrap();
        let browser = Browser {
            user_agent: Some("Firefox"),
            address: Some("192.0.2.7"),
        };
        let opened = session::open(&mut tx, person, Method::Github, browser, before)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        opened
    }

    async fn lives(&self, opened: &Opened) -> bool {
        let mut tx = self.edge.begin("test.find").await.unwrap();
        let found = session::find(&mut tx, opened.cookie.expose_secret())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        found.is_some()
    }

    async fn token(&self, person_id: PersonId, origin: TokenOrigin) -> String {
        let mut tx = self.edge.begin("test.token").await.unwrap();
        let until = tx.now() + SignedDuration::from_hours(24);
        let jti = credential::issue_person_token(&mut tx, PUBLIC_AUDIENCE, person_id, origin, until)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let signed = credential::sign(&self.edge, jti).await.unwrap();
        signed.token.expose_secret().to_owned()
    }

    async fn shown(&self, token: &str) -> Result<Actor, Error> {
        let audiences = [AUDIENCE, PUBLIC_AUDIENCE];
        let proven = credential::prove(&self.inside, &audiences, token).await?;
        proven
            .check(Leniency::None)
            .map_err(|fault| Error::Unauthenticated(fault.to_string()))?;
        Ok(proven.actor)
    }
}

#[tokio::test]
async fn a_persons_token_counts_as_long_as_what_it_was_made_from() {
    let world = World::new().await;
    let person = world.person(1, Some(PlatformRole::Auditor)).await;
    let opened = world.open(&person, None).await;
    let of_session = world
        .token(person.person_id, TokenOrigin::Session(opened.session_id))
        .await;
    let grant_id = GrantId::new();
    let of_grant = world.token(person.person_id, TokenOrigin::Grant(grant_id)).await;
    let personal = world
        .token(person.person_id, TokenOrigin::Named("laptop".into()))
        .await;
    for token in [&of_session, &of_grant, &personal] {
        let actor = world.shown(token).await.unwrap();
        assert!(
            matches!(&actor, Actor::Person { person_id, platform_role: Some(PlatformRole::Auditor), .. }
                if *person_id == person.person_id),
            "{actor:?}"
        );
    }

    // The role is the one of now, not the one of when the token was made.
    world.person(1, None).await;
    let actor = world.shown(&personal).await.unwrap();
    assert!(matches!(
        actor,
        Actor::Person {
            platform_role: None,
            ..
        }
    ));

    session::end(&world.edge, opened.cookie.expose_secret())
        .await
        .unwrap();
    let ended = world.shown(&of_session).await;
    assert!(matches!(ended, Err(Error::Unauthenticated(text)) if text.contains("revoked")));
    let mut tx = world.edge.begin("test.revoke").await.unwrap();
    credential::revoke_grant_tokens(&mut tx, grant_id).await.unwrap();
    tx.commit().await.unwrap();
    world.shown(&of_grant).await.unwrap_err();
    world.shown(&personal).await.unwrap();

    identity::disable(&world.inside, &SYSTEM, person.person_id)
        .await
        .unwrap();
    world.shown(&personal).await.unwrap_err();
    world.db.done().await;
}

#[tokio::test]
async fn a_token_of_one_audience_is_none_of_another() {
    let world = World::new().await;
    let person = world.person(1, None).await;
    let token = world
        .token(person.person_id, TokenOrigin::Named("laptop".into()))
        .await;
    let inside_alone = credential::prove(&world.inside, &[AUDIENCE], &token).await;
    assert!(matches!(inside_alone, Err(Error::Unauthenticated(_))));
    world.db.done().await;
}

#[tokio::test]
async fn the_edge_signs_for_people_alone() {
    let world = World::new().await;
    credential::require_signing_key(&world.edge, PUBLIC_AUDIENCE)
        .await
        .unwrap();
    let runs = credential::require_signing_key(&world.edge, AUDIENCE).await;
    assert!(matches!(runs, Err(Error::Precondition(text)) if text.contains("no master key")));
    let people = credential::require_signing_key(&world.inside, PUBLIC_AUDIENCE).await;
    assert!(matches!(people, Err(Error::Precondition(text)) if text.contains("no edge key")));
    let other = credential::ensure_signing_key(&world.edge, AUDIENCE, SealedBy::Edge).await;
    assert!(matches!(other, Err(Error::Precondition(text)) if text.contains("must differ")));
    world.db.done().await;
}

#[tokio::test]
async fn a_session_ends_by_idleness_and_by_age() {
    let world = World::new().await;
    let person = world.person(1, None).await;
    let idle = world.open(&person, None).await;
    let used = world.open(&person, None).await;
    for minutes in [59, 59, 59] {
        world.clock.advance(SignedDuration::from_mins(minutes));
        assert!(world.lives(&used).await);
    }
    assert!(!world.lives(&idle).await);
    let token = world
        .token(person.person_id, TokenOrigin::Session(used.session_id))
        .await;
    world.shown(&token).await.unwrap();
    for _ in 0..9 {
        world.clock.advance(SignedDuration::from_mins(59));
        assert!(world.lives(&used).await);
    }
    world.clock.advance(SignedDuration::from_mins(20));
    assert!(!world.lives(&used).await, "twelve hours are over");
    world.shown(&token).await.unwrap_err();

    world.clock.advance(SignedDuration::from_hours(24 * 8));
    assert_eq!(session::sweep(&world.inside).await.unwrap(), 2);
    world.db.done().await;
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before_and_the_oldest_of_too_many() {
    let world = World::new().await;
    let person = world.person(1, None).await;
    let first = world.open(&person, None).await;
    let second = world.open(&person, Some(first.cookie.expose_secret())).await;
    assert!(!world.lives(&first).await);
    assert!(world.lives(&second).await);
    assert_eq!(first.cookie.expose_secret().len(), 43);
    let mut last = None;
    for _ in 0..MAX_PER_PERSON {
        world.clock.advance(SignedDuration::from_secs(1));
        last = Some(world.open(&person, None).await);
    }
    assert!(!world.lives(&second).await);
    assert!(world.lives(&last.unwrap()).await);
    let all = session::list(&world.edge, &person.actor(), person.person_id)
        .await
        .unwrap();
    assert_eq!(
        all.iter().filter(|it| it.is_live).count(),
        usize::try_from(MAX_PER_PERSON).unwrap()
    );
    assert_eq!(all[0].user_agent.as_deref(), Some("Firefox"));
    world.db.done().await;
}

#[tokio::test]
async fn a_session_is_its_persons_and_an_owners_to_see_and_end() {
    let world = World::new().await;
    let mine = world.person(1, None).await;
    let stranger = world.person(2, Some(PlatformRole::Auditor)).await;
    let owner = world.person(3, Some(PlatformRole::Owner)).await;
    let opened = world.open(&mine, None).await;

    let foreign = session::revoke(&world.edge, &stranger.actor(), opened.session_id, None).await;
    let missing_id = SessionId::new();
    let missing = session::revoke(&world.edge, &stranger.actor(), missing_id, None).await;
    let text = |result: Result<(), Error>, id: SessionId| {
        result.unwrap_err().to_string().replace(&id.to_string(), "ID")
    };
    assert_eq!(text(foreign, opened.session_id), text(missing, missing_id));
    let listed = session::list(&world.edge, &stranger.actor(), mine.person_id).await;
    assert!(matches!(listed, Err(Error::NotFound { .. })));
    assert!(world.lives(&opened).await);

    session::revoke(&world.edge, &owner.actor(), opened.session_id, None)
        .await
        .unwrap();
    assert!(!world.lives(&opened).await);

    let again = world.open(&mine, None).await;
    identity::disable(&world.inside, &SYSTEM, mine.person_id)
        .await
        .unwrap();
    assert!(!world.lives(&again).await);
    let mut tx = world.edge.begin("test.open").await.unwrap();
    let refused = session::open(&mut tx, &mine, Method::Github, Browser::default(), None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    drop(tx);
    world.db.done().await;
}

/// Being disabled ends all that a person has and made; being let in again gives the roles back, and nothing else.
#[tokio::test]
async fn what_a_disabled_person_had_does_not_come_back() {
    let world = World::new().await;
    let shop = orchestrator::testing::seed(&world.inside, "shop", 1, 1)
        .await
        .unwrap();
    world.person(1, Some(PlatformRole::Owner)).await;
    let person = world.person(2, Some(PlatformRole::Owner)).await;
    let opened = world.open(&person, None).await;
    let origin = TokenOrigin::Session(opened.session_id);
    let of_session = world.token(person.person_id, origin).await;
    let proven = credential::prove(&world.inside, &[PUBLIC_AUDIENCE], &of_session).await;
    let (actor, maker) = proven.map(|proven| (proven.actor, proven.token_id)).unwrap();
    let new = NewToken {
        name: "ci".into(),
        program: Some((shop.project_id, Role::Contributor)),
        days: 7,
        narrowing: Narrowing::default(),
    };
    let made = credential::make_token(&world.inside, &actor, maker, AUDIENCE, new, None).await;
    let program = made.unwrap().1.unwrap().token.expose_secret().to_owned();
    let origin = TokenOrigin::Named("laptop".into());
    let personal = world.token(person.person_id, origin).await;
    let grant_id = GrantId::new();
    sqlx::query(
        "INSERT INTO oauth_grants (grant_id, family_id, person_id, client_id, scope, created_at, used_at)
         VALUES ($1, 'family', $2, 'client', 'mcp', now(), now())",
    )
    .bind(grant_id.uuid())
    .bind(person.person_id.uuid())
    .execute(world.db.pool())
    .await
    .unwrap();
    let of_grant = world.token(person.person_id, TokenOrigin::Grant(grant_id)).await;
    let tokens = [of_session, program, personal, of_grant];
    for token in &tokens {
        world.shown(token).await.unwrap();
    }

    identity::disable(&world.inside, &SYSTEM, person.person_id)
        .await
        .unwrap();
    identity::set_disabled(&world.inside, &SYSTEM, person.person_id, false, None)
        .await
        .unwrap();
    assert!(!world.lives(&opened).await);
    for token in &tokens {
        let ended = world.shown(token).await;
        assert!(
            matches!(&ended, Err(Error::Unauthenticated(text)) if text.contains("revoked")),
            "{ended:?}"
        );
    }
    let grants = identity::oauth::list_grants(&world.inside, &SYSTEM, person.person_id).await;
    assert!(grants.unwrap().iter().all(|grant| grant.revoked_at.is_some()));
    let again = world.open(&person, None).await;
    assert!(world.lives(&again).await, "the person may come in anew");
    world.db.done().await;
}

#[tokio::test]
async fn who_loses_the_last_role_by_a_rule_is_signed_out() {
    let world = World::new().await;
    let shop = orchestrator::testing::seed(&world.inside, "shop", 1, 1)
        .await
        .unwrap();
    let group = Group {
        org: "acme".into(),
        team: None,
    };
    let grant = Grant::Project(shop.project_id, Role::Contributor);
    rule::add(&world.inside, &SYSTEM, group.clone(), grant)
        .await
        .unwrap();
    let only_by_rule = world.person(1, None).await;
    let by_hand_too = world.person(2, Some(PlatformRole::Auditor)).await;
    let mut opened = Vec::new();
    for person in [&only_by_rule, &by_hand_too] {
        opened.push(world.open(person, None).await);
        for groups in [std::slice::from_ref(&group), &[]] {
            assert!(world.lives(opened.last().unwrap()).await);
            rule::recheck(&world.inside, &SYSTEM, person.person_id, groups)
                .await
                .unwrap();
        }
    }
    assert_eq!(
        (world.lives(&opened[0]).await, world.lives(&opened[1]).await),
        (false, true)
    );
    world.db.done().await;
}
