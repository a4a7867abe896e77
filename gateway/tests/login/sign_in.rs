//! Away to GitHub and back: who is let in, and what does not count.

use github_sim::{Effect, Fault};
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::identity::rule::{self, Grant};
use orchestrator::ports::identity::Group;
use orchestrator::project::{self, Limits, NewProject};
use orchestrator::{Actor, identity};
use rstest::rstest;

use crate::world::World;

const SYSTEM: Actor = Actor::System("test");
const SESSIONS: &str = "SELECT count(*) FROM sessions";

#[tokio::test]
async fn somebody_known_signs_in_and_is_that_person_to_the_tools() {
    let world = World::new().await;
    // Known by the number; the login was another when last told.
    world.know("ada", Some(PlatformRole::Auditor)).await;
    sqlx::query("UPDATE people SET login = 'ada-before'")
        .execute(world.db.pool())
        .await
        .unwrap();
    let mut browser = world.browser();
    let back = browser.choose("/login?return_to=/runs/1%3Fafter=2", "ada").await;
    let answer = browser.come_back(&back).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(
        answer.location.unwrap().as_str(),
        format!("{}/runs/1?after=2", world.gateway_url)
    );
    assert_eq!(browser.cookie("login"), "", "the sign-in is over");
    assert_eq!(browser.cookie("session").len(), 43);
    assert_eq!(browser.who().await, (200, "ada".into()));
    let page = browser.get("/login/session").await;
    assert!(
        page.text.contains("signed in as <strong>ada</strong>"),
        "{}",
        page.text
    );
    // GitHub's token is nowhere, and neither is the cookie.
    let kept: Vec<String> = sqlx::query_scalar("SELECT sessions::text FROM sessions")
        .fetch_all(world.db.pool())
        .await
        .unwrap();
    assert!(!kept[0].contains("ghu_") && !kept[0].contains(browser.cookie("session")));

    let csrf = browser.cookie("csrf").to_owned();
    let left = browser.post("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(left.status, 303, "{}", left.text);
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    world.end().await;
}

#[tokio::test]
async fn only_the_browser_that_left_comes_back_and_only_once() {
    let world = World::new().await;
    world.know("ada", None).await;
    let mut browser = world.browser();
    let back = browser.choose("/login", "ada").await;
    let carried = browser.cookie("login").to_owned();

    // Another browser, sent there with somebody's code.
    let stranger = world.browser().come_back(&back).await;
    assert_eq!(stranger.status, 400, "{}", stranger.text);
    // Another state.
    let mut other = world.browser();
    other.choose("/login", "ada").await;
    let mixed = other.come_back(&back).await;
    assert_eq!(mixed.status, 400);
    assert_eq!(world.count(SESSIONS).await, 0);

    assert_eq!(browser.come_back(&back).await.status, 303);
    // The same once more: GitHub takes no code twice, and we no state.
    browser.set_cookie("login", &carried);
    assert_eq!(browser.come_back(&back).await.status, 400);
    let mut again = world.browser();
    let fresh = again.choose("/login", "ada").await;
    let code = fresh
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let state = back
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    browser.set_cookie("login", &carried);
    let replayed = browser
        .get(&format!("/login/callback?code={code}&state={state}"))
        .await;
    assert_eq!(replayed.status, 400, "{}", replayed.text);
    assert_eq!(world.count(SESSIONS).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_code_that_another_browser_asked_for_is_worth_nothing() {
    let world = World::new().await;
    world.know("ada", None).await;
    let (mut victim, mut thief) = (world.browser(), world.browser());
    let stolen = victim.choose("/login", "ada").await;
    let own = thief.choose("/login", "sam").await;
    let part = |url: &url::Url, name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find(|(is, _)| is == name).unwrap().1.into_owned()
    };
    let (code, state) = (part(&stolen, "code"), part(&own, "state"));
    // The state is the thief's own; the code's challenge is not (RFC 7636).
    let answer = thief
        .get(&format!("/login/callback?code={code}&state={state}"))
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(
        answer.text.contains("GitHub does not know this sign-in"),
        "{}",
        answer.text
    );
    assert_eq!(world.count(SESSIONS).await, 0);
    world.end().await;
}

#[tokio::test]
async fn a_sign_in_that_took_too_long_is_over() {
    let world = World::new().await;
    world.know("ada", None).await;
    let mut browser = world.browser();
    let back = browser.choose("/login", "ada").await;
    world.clock.advance(jiff::SignedDuration::from_mins(11));
    let answer = browser.come_back(&back).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("ten minutes"), "{}", answer.text);
    world.end().await;
}

#[tokio::test]
async fn strangers_and_disabled_people_are_told_why_not() {
    let world = World::new().await;
    let mut browser = world.browser();
    let unknown = browser.sign_in("sam").await;
    assert_eq!(unknown.status, 403);
    assert!(
        unknown.text.contains("nobody has invited sam"),
        "{}",
        unknown.text
    );
    assert_eq!(browser.cookie("session"), "");
    let people = world.count("SELECT count(*) FROM people").await;
    assert_eq!(people, 0, "there is no self-signup");

    let ben = world.know("ben", None).await;
    identity::disable(&world.inside, &SYSTEM, ben.person_id)
        .await
        .unwrap();
    let disabled = world.browser().sign_in("ben").await;
    assert_eq!(disabled.status, 403);
    assert!(disabled.text.contains("ben is disabled"), "{}", disabled.text);
    let denied =
        "SELECT count(*) FROM audit_entries WHERE operation = 'session_open' AND decision = 'denied'";
    assert_eq!(world.count(denied).await, 2);
    world.end().await;
}

#[tokio::test]
async fn a_rule_lets_members_in_and_gives_and_takes_their_role() {
    let world = World::new().await;
    let new = NewProject {
        slug: "shop".into(),
        name: "Shop".into(),
        limits: Limits::default(),
        lockdown: true,
        slots: 1,
    };
    let project = project::create(&world.inside, &SYSTEM, new).await.unwrap();
    let team = |team: Option<&str>| Group {
        org: "acme".into(),
        team: team.map(str::to_owned),
    };
    let contributor = Grant::Project(project.project_id, Role::Contributor);
    rule::add(&world.inside, &SYSTEM, team(Some("core")), contributor)
        .await
        .unwrap();
    rule::add(
        &world.inside,
        &SYSTEM,
        team(None),
        Grant::Platform(PlatformRole::Auditor),
    )
    .await
    .unwrap();
    assert_eq!(world.browser().sign_in("sam").await.status, 403, "not a member");

    world.github.set_member("acme", None, "sam", true).unwrap();
    world
        .github
        .set_member("acme", Some("core"), "sam", true)
        .unwrap();
    let mut browser = world.browser();
    assert_eq!(browser.sign_in("sam").await.status, 303);
    let roles = "SELECT count(*) FROM project_members WHERE role = 'contributor' AND by_rule";
    let auditors = "SELECT count(*) FROM people WHERE platform_role = 'auditor' AND role_by_rule";
    assert_eq!((world.count(roles).await, world.count(auditors).await), (1, 1));

    // Out of the team: known still, and without the team's role from the next sign-in on.
    world
        .github
        .set_member("acme", Some("core"), "sam", false)
        .unwrap();
    assert_eq!(browser.sign_in("sam").await.status, 303);
    assert_eq!((world.count(roles).await, world.count(auditors).await), (0, 1));

    // A role that a person gave stays, whatever the rules say.
    world.know("sam", Some(PlatformRole::Owner)).await;
    world.github.set_member("acme", None, "sam", false).unwrap();
    assert_eq!(browser.sign_in("sam").await.status, 303);
    assert_eq!(
        world
            .count("SELECT count(*) FROM people WHERE platform_role = 'owner'")
            .await,
        1
    );
    world.end().await;
}

#[tokio::test]
async fn while_github_is_down_nobody_is_let_in_and_no_role_is_lost() {
    let world = World::new().await;
    let auditor = Grant::Platform(PlatformRole::Auditor);
    let group = Group {
        org: "acme".into(),
        team: None,
    };
    rule::add(&world.inside, &SYSTEM, group, auditor).await.unwrap();
    world.github.set_member("acme", None, "sam", true).unwrap();
    let mut browser = world.browser();
    assert_eq!(browser.sign_in("sam").await.status, 303);
    for (path, effect) in [
        ("/user", Effect::ErrorBefore { status: 502 }),
        ("/user/memberships/orgs/acme", Effect::ErrorBefore { status: 500 }),
        (
            "/user/memberships/orgs/acme",
            Effect::SecondaryLimit {
                retry_after: Some(60),
            },
        ),
    ] {
        world.github.add_fault(Fault {
            method: None,
            path: path.into(),
            count: 1,
            skip: 0,
            effect,
        });
        let answer = browser.sign_in("sam").await;
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert!(answer.text.contains("break-glass"), "{}", answer.text);
    }
    let auditors = "SELECT count(*) FROM people WHERE platform_role = 'auditor'";
    assert_eq!(world.count(auditors).await, 1);
    world.end().await;
}

#[rstest]
#[case("//evil.example")]
#[case("/%5Cevil.example")]
#[case("https://evil.example/")]
#[case("/%09/evil.example")]
#[case("javascript:alert(1)")]
#[case("%20//evil.example")]
#[tokio::test]
async fn nobody_is_sent_to_another_host(#[case] return_to: &str) {
    let world = World::new().await;
    world.know("ada", None).await;
    let mut browser = world.browser();
    let back = browser
        .choose(&format!("/login?return_to={return_to}"), "ada")
        .await;
    let answer = browser.come_back(&back).await;
    let location = answer.location.unwrap();
    assert_eq!(location.as_str(), format!("{}/", world.gateway_url));
    world.end().await;
}

#[tokio::test]
async fn who_says_no_at_github_is_not_signed_in() {
    let world = World::new().await;
    let mut browser = world.browser();
    let back = browser.choose("/login", "ada").await;
    let state = back
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1
        .into_owned();
    let path = format!("/login/callback?error=access_denied&error_description=%3Cb%3E&state={state}");
    let answer = browser.get(&path).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.text.contains("<b>"), "{}", answer.text);
    world.end().await;
}
