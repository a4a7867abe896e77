//! Cookies, signatures and codes of the gateway, each shown in another's place.

use hmac::{Hmac, KeyInit, Mac};
use orchestrator::identity::login;
use orchestrator::{Actor, credential};
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret;
use sha2::{Sha256, Sha512};

use super::Stage;
use super::table::Table;
use crate::browser::{Browser, message};
use crate::world::{CLIENT_SECRET, World};

const BODY: &str = r#"{"action":"labeled"}"#;

pub(super) async fn show(stage: &Stage, table: &mut Table) {
    let world = &stage.world;
    let ada = world.signed_in("ada").await;
    let ben = world.signed_in("ben").await;
    table
        .accepted("a page of our own", ada.call("principal_get"))
        .await;
    sessions(stage, table, &ada, &ben).await;
    ended_sessions(stage, table).await;
    logins(world, table, &ada).await;
    webhooks(stage, table).await;
}

async fn sessions(stage: &Stage, table: &mut Table, ada: &Browser, ben: &Browser) {
    let world = &stage.world;
    let cookie = ada.cookie("session").to_owned();
    let public = format!("{}/mcp", world.gateway_url);
    let inside = format!("{}/mcp", world.tools_url);
    let bearer = |url: &str, token: &str| message(world.http.post(url), "principal_get").bearer_auth(token);
    for (door, url) in [("gateway", &public), ("tools", &inside)] {
        table.add("cookie: as a bearer", door, bearer(url, &cookie)).await;
        table
            .add(
                "cookie: its CSRF token as a bearer",
                door,
                bearer(url, ada.cookie("csrf")),
            )
            .await;
    }
    let kept = ada.request(Method::POST, "/mcp");
    let kept = kept.build().unwrap().headers()["cookie"].clone();
    let direct = message(world.http.post(&inside), "principal_get")
        .header("cookie", kept)
        .header("origin", &world.gateway_url)
        .header("x-csrf-token", ada.cookie("csrf"));
    table.add("cookie: past the gateway", "tools", direct).await;
    let plain = || message(ada.request(Method::POST, "/mcp"), "principal_get");
    let own = || plain().header("origin", &world.gateway_url);
    let token = ada.cookie("csrf");
    for (kind, request) in [
        (
            "cookie: beside a bearer",
            ada.call("principal_get").bearer_auth(&stage.public.genuine),
        ),
        (
            "cookie: beside a Basic",
            ada.call("principal_get").basic_auth("x", Some("y")),
        ),
        ("cookie: alone", plain()),
        ("cookie: without a CSRF token", own()),
        (
            "cookie: with an empty CSRF token",
            own().header("x-csrf-token", ""),
        ),
        (
            "cookie: with another session's CSRF token",
            own().header("x-csrf-token", ben.cookie("csrf")),
        ),
        (
            "cookie: with itself for a CSRF token",
            own().header("x-csrf-token", &cookie),
        ),
        ("cookie: from no page", plain().header("x-csrf-token", token)),
        (
            "cookie: from another page",
            plain()
                .header("x-csrf-token", token)
                .header("origin", "https://evil.example"),
        ),
        (
            "cookie: from a hidden page",
            plain().header("x-csrf-token", token).header("origin", "null"),
        ),
        (
            "cookie: from two pages",
            ada.call("principal_get").header("origin", "https://evil.example"),
        ),
    ] {
        table.add(kind, "gateway", request).await;
    }
    // The CSRF token is made of the cookie, so anybody makes the one that fits a cookie of their own.
    let exchanged = credential::exchange_session(&world.edge, &world.public_audience(), &cookie).await;
    let exchanged = exchanged.unwrap().unwrap().token.expose_secret().to_owned();
    table
        .accepted("a session's token", bearer(&public, &exchanged))
        .await;
    let twice = format!(
        "{cookie}; session-{}={cookie}",
        world.gateway_url.rsplit(':').next().unwrap()
    );
    for (kind, value) in [
        ("cookie: of nobody", "A".repeat(43)),
        ("cookie: cut", cookie[1..].to_owned()),
        ("cookie: said twice", twice),
        ("cookie: a session's access token in its place", exchanged),
        (
            "cookie: a person's access token in its place",
            stage.public.genuine.clone(),
        ),
        (
            "cookie: a program's access token in its place",
            stage.inside.genuine.clone(),
        ),
        ("cookie: the cookie of a sign-in in its place", {
            let mut leaving = world.browser();
            leaving.get("/login").await;
            leaving.cookie("login").to_owned()
        }),
    ] {
        table.add(kind, "gateway", as_session(world, &value)).await;
    }
}

/// A request of our own page in a browser that has this for its session.
fn as_session(world: &World, value: &str) -> RequestBuilder {
    let mac = Hmac::<Sha256>::new_from_slice(value.as_bytes())
        .unwrap()
        .chain_update("codex-k8s csrf token");
    let mut browser = world.browser();
    browser.set_cookie("session", value);
    browser.set_cookie("csrf", &super::forge::write(&mac.finalize().into_bytes()));
    browser.call("principal_get")
}

async fn ended_sessions(stage: &Stage, table: &mut Table) {
    let world = &stage.world;
    let mut browser = world.signed_in("ada").await;
    let cookie = browser.cookie("session").to_owned();
    let exchanged = credential::exchange_session(&world.edge, &world.public_audience(), &cookie).await;
    let exchanged = exchanged.unwrap().unwrap().token.expose_secret().to_owned();
    table.accepted("a session", as_session(world, &cookie)).await;
    let csrf = browser.cookie("csrf").to_owned();
    assert_eq!(browser.post("/logout", &[("csrf", &csrf)]).await.status, 303);
    table
        .add(
            "cookie: of a session that was left",
            "gateway",
            as_session(world, &cookie),
        )
        .await;
    let url = format!("{}/mcp", world.gateway_url);
    let late = message(world.http.post(url), "principal_get").bearer_auth(exchanged);
    table
        .add("ended: a token of a session that was left", "gateway", late)
        .await;
}

async fn logins(world: &World, table: &mut Table, ada: &Browser) {
    let at =
        |browser: &Browser, query: &str| browser.request(Method::GET, &format!("/login/callback?{query}"));
    let mut browser = world.browser();
    let back = browser.choose("/login", "ada").await;
    let query = back.query().unwrap().to_owned();
    let carried = browser.cookie("login").to_owned();
    let other = {
        let mut other = world.browser();
        other.choose("/login", "ben").await;
        other
    };
    table
        .add(
            "sign-in: another browser's way back",
            "gateway",
            at(&world.browser(), &query),
        )
        .await;
    table
        .add(
            "sign-in: the way back of another sign-in",
            "gateway",
            at(&other, &query),
        )
        .await;
    let mut with_session = world.browser();
    with_session.set_cookie("login", ada.cookie("session"));
    table
        .add(
            "sign-in: a session's cookie for a sign-in's",
            "gateway",
            at(&with_session, &query),
        )
        .await;
    let stateless = query.replace("state=", "was=");
    table
        .add("sign-in: without its state", "gateway", at(&browser, &stateless))
        .await;
    table.accepted("a sign-in", at(&browser, &query)).await;
    browser.set_cookie("login", &carried);
    table
        .add("sign-in: the same once more", "gateway", at(&browser, &query))
        .await;

    let system = Actor::System("test");
    let code = login::issue_break_glass(&world.inside, &system, 501, "ada")
        .await
        .unwrap();
    let code = code.expose_secret().to_owned();
    let redeem = |code: &str| {
        let body = super::grants::form(&[("code", code)]);
        let request = world.browser().request(Method::POST, "/login/break-glass");
        request
            .header("origin", &world.gateway_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    };
    let foreign = world.browser().request(Method::POST, "/login/break-glass");
    let foreign = foreign
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(super::grants::form(&[("code", &code)]));
    table
        .add("break-glass: from another page", "gateway", foreign)
        .await;
    table
        .add(
            "break-glass: a session's cookie",
            "gateway",
            redeem(ada.cookie("session")),
        )
        .await;
    table.accepted("a break-glass code", redeem(&code)).await;
    table
        .add("break-glass: the same code once more", "gateway", redeem(&code))
        .await;
}

async fn webhooks(stage: &Stage, table: &mut Table) {
    let world = &stage.world;
    let bare = |guid: &str| {
        world
            .http
            .post(format!("{}/webhooks/github", world.gateway_url))
            .header("X-GitHub-Event", "issues")
            .header("X-GitHub-Delivery", guid)
            .header("Content-Type", "application/json")
            .body(BODY)
    };
    let signed = |value: String| bare("forged").header("X-Hub-Signature-256", value);
    let genuine = mac(CLIENT_SECRET, BODY);
    table
        .accepted(
            "a delivery",
            bare("genuine").header("X-Hub-Signature-256", &genuine),
        )
        .await;
    let sha512 = Hmac::<Sha512>::new_from_slice(CLIENT_SECRET.as_bytes())
        .unwrap()
        .chain_update(BODY);
    for (kind, request) in [
        ("webhook: no signature", bare("forged")),
        (
            "webhook: an access token for a signature",
            bare("forged").bearer_auth(&stage.public.genuine),
        ),
        (
            "webhook: an access token as the signature",
            signed(format!("sha256={}", stage.public.genuine)),
        ),
        (
            "webhook: the secret as a bearer",
            bare("forged").bearer_auth(CLIENT_SECRET),
        ),
        (
            "webhook: signed with an access token",
            signed(mac(&stage.public.genuine, BODY)),
        ),
        ("webhook: signed with nothing", signed(mac("", BODY))),
        (
            "webhook: the signature of another body",
            signed(mac(CLIENT_SECRET, "{}")),
        ),
        (
            "webhook: a signature without its algorithm",
            signed(genuine["sha256=".len()..].to_owned()),
        ),
        (
            "webhook: a signature under another name",
            signed(genuine.replace("sha256=", "sha1=")),
        ),
        (
            "webhook: SHA-512 by another name",
            signed(format!("sha256={}", hex::encode(sha512.finalize().into_bytes()))),
        ),
        ("webhook: half a signature", signed(genuine[..39].to_owned())),
        (
            "webhook: two signatures",
            signed("sha256=00".into()).header("X-Hub-Signature-256", &genuine),
        ),
        (
            "webhook: a signature of zeros",
            signed(format!("sha256={}", "0".repeat(64))),
        ),
    ] {
        table.add(kind, "gateway", request).await;
    }
    assert_eq!(world.count("SELECT count(*) FROM deliveries").await, 1);
    let url = format!("{}/mcp", world.gateway_url);
    let secret = message(world.http.post(url), "principal_get").bearer_auth(CLIENT_SECRET.replace(' ', "-"));
    table
        .add("webhook: its secret at the tools", "gateway", secret)
        .await;
}

fn mac(secret: &str, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .unwrap()
        .chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
