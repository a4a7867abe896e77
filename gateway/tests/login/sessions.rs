//! How long a session counts, who may end it, and which requests of a browser are ours.

use jiff::SignedDuration;
use orchestrator::credential::{self, TokenOrigin};
use orchestrator::identity::session;
use orchestrator::{Actor, identity};
use reqwest::Method;

use crate::browser::message;
use crate::world::World;

#[tokio::test]
async fn a_session_ends_when_it_rests_and_when_it_is_old() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada").await;
    for _ in 0..3 {
        world.clock.advance(SignedDuration::from_mins(55));
        assert_eq!(browser.who().await.0, 200);
    }
    world.clock.advance(SignedDuration::from_mins(61));
    let (status, text) = browser.who().await;
    assert_eq!(status, 401);
    assert!(text.contains("session_over"), "{text}");

    assert_eq!(browser.sign_in("ada").await.status, 303);
    for _ in 0..13 {
        world.clock.advance(SignedDuration::from_mins(55));
        assert_eq!(browser.who().await.0, 200);
    }
    world.clock.advance(SignedDuration::from_mins(6));
    assert_eq!(browser.who().await.0, 401, "twelve hours are over");
    world.end().await;
}

#[tokio::test]
async fn signing_in_again_makes_a_new_session_and_ends_the_old_one() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada").await;
    let (session, csrf) = (
        browser.cookie("session").to_owned(),
        browser.cookie("csrf").to_owned(),
    );
    assert_eq!(browser.sign_in("ada").await.status, 303);
    assert_ne!(browser.cookie("session"), session);
    assert_eq!(browser.who().await.0, 200);
    let mut old = world.browser();
    old.set_cookie("session", &session);
    old.set_cookie("csrf", &csrf);
    assert_eq!(old.who().await.0, 401);
    world.end().await;
}

#[tokio::test]
async fn what_ends_a_session_ends_it_at_once() {
    let world = World::new().await;
    let ada = world.know("ada", None).await;
    // Each call makes the gateway remember a token; none of them outlives its session.
    let mut browser = world.signed_in("ada").await;
    assert_eq!(browser.who().await.0, 200);
    let live = session::list(&world.inside, &ada.actor(), ada.person_id)
        .await
        .unwrap();
    session::revoke(&world.inside, &ada.actor(), live[0].session_id, None)
        .await
        .unwrap();
    assert_eq!(browser.who().await.0, 401);

    let mut browser = world.signed_in("ada").await;
    assert_eq!(browser.who().await.0, 200);
    let (session, csrf) = (
        browser.cookie("session").to_owned(),
        browser.cookie("csrf").to_owned(),
    );
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status, 303);
    browser.set_cookie("session", &session);
    browser.set_cookie("csrf", &csrf);
    assert_eq!(browser.who().await.0, 401);

    let mut browser = world.signed_in("ada").await;
    assert_eq!(browser.who().await.0, 200);
    identity::disable(&world.inside, &Actor::System("test"), ada.person_id)
        .await
        .unwrap();
    assert_eq!(browser.who().await.0, 401);
    world.end().await;
}

#[tokio::test]
async fn a_cookie_counts_only_in_a_request_of_our_own_page() {
    let world = World::new().await;
    let browser = world.signed_in("ada").await;
    let other = world.signed_in("ben").await;
    let own = world.gateway_url.as_str();
    let (mine, others) = (browser.cookie("csrf"), other.cookie("csrf"));
    for (origin, token, expected) in [
        (Some(own), Some(mine), 200),
        (Some(own), None, 403),
        (Some(own), Some(""), 403),
        (Some(own), Some("nonsense"), 403),
        (Some(own), Some(others), 403),
        (None, Some(mine), 403),
        (Some("null"), Some(mine), 403),
        (Some("https://evil.example"), Some(mine), 403),
        (Some("http://127.0.0.1"), Some(mine), 403),
    ] {
        let mut request = message(browser.request(Method::POST, "/mcp"), "principal_get");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if let Some(token) = token {
            request = request.header("x-csrf-token", token);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), expected, "{origin:?} {token:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn signing_out_takes_our_own_page_too() {
    let world = World::new().await;
    let mut browser = world.signed_in("ada").await;
    let forged = browser.post("/logout", &[("csrf", "nonsense")]).await;
    assert_eq!(forged.status, 403);
    let csrf = browser.cookie("csrf").to_owned();
    let foreign = browser
        .request(Method::POST, "/logout")
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-csrf-token", csrf)
        .body("");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    assert_eq!(browser.who().await.0, 200);
    world.end().await;
}

#[tokio::test]
async fn a_bearer_goes_through_and_never_beside_a_cookie() {
    let world = World::new().await;
    let browser = world.signed_in("ada").await;
    let ada = world.know("ada", None).await;
    let audience = format!("{}/mcp", world.gateway_url);
    let mut tx = world.inside.begin("test.token").await.unwrap();
    let until = tx.now() + SignedDuration::from_hours(1);
    let origin = TokenOrigin::Named("laptop".into());
    let jti = credential::issue_person_token(&mut tx, &audience, ada.person_id, origin, until).await;
    tx.commit().await.unwrap();
    let jti = jti.unwrap();
    // Only the edge signs for people.
    credential::sign(&world.inside, jti).await.unwrap_err();

    let both = browser.call("principal_get").bearer_auth("anything");
    assert_eq!(both.send().await.unwrap().status(), 400);
    let basic = browser
        .call("principal_get")
        .header("authorization", "Basic eDp5");
    assert_eq!(basic.send().await.unwrap().status(), 400);
    let bearer = message(world.http.post(&audience), "principal_get").bearer_auth("anything");
    assert_eq!(bearer.send().await.unwrap().status(), 401);
    world.end().await;
}
