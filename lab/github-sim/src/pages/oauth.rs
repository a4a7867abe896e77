//! The App's user login: a page where one chooses who to be, and the exchange of its code.
//!
//! GitHub would ask for a password first; here there are none, so the choice stands in its place.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::escape::escape;
use super::layout;
use crate::auth;
use crate::http::{html, json as answer_json, may_drive, query_pairs, same_origin, see_other};
use crate::sim::Inner;
use crate::world::{AccountKind, LoginCode};

/// Answers `/login/oauth/…`.
pub(super) fn answer(sim: &Arc<Inner>, parts: &Parts, body: &[u8], step: &str) -> Response {
    match (parts.method.as_str(), step) {
        ("GET", "authorize") => ask(sim, parts.uri.query().unwrap_or_default()),
        // An agent in the lab reaches this page too, and must not choose to be somebody.
        ("POST", "authorize") if same_origin(&parts.headers) && may_drive(sim, &parts.headers) => {
            choose(sim, body)
        }
        ("POST", "authorize") => refused(StatusCode::FORBIDDEN, layout::READ_ONLY),
        ("POST", "access_token") => exchange(sim, body),
        _ => refused(StatusCode::NOT_FOUND, "There is no such step of a sign-in."),
    }
}

/// The page on which one chooses.
fn ask(sim: &Arc<Inner>, query: &str) -> Response {
    let asked = query_pairs(query);
    let field = |name: &str| asked.get(name).map_or("", String::as_str);
    let world = sim.world();
    if field("client_id") != world.app.client_id {
        return refused(StatusCode::NOT_FOUND, "No App has this client id.");
    }
    if !is_callback(&world.app.callback_urls, field("redirect_uri")) {
        return refused(
            StatusCode::BAD_REQUEST,
            "The redirect_uri is not a callback URL of this App.",
        );
    }
    if !field("code_challenge").is_empty() && field("code_challenge_method") != "S256" {
        return refused(StatusCode::BAD_REQUEST, "The code challenge method must be S256.");
    }
    let hidden: String = ["client_id", "redirect_uri", "state", "code_challenge"]
        .iter()
        .map(|name| {
            let value = escape(field(name));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let people: String = world
        .accounts
        .values()
        .filter(|account| account.kind == AccountKind::User)
        .map(|account| {
            let login = escape(&account.login);
            format!("<p><button name=\"login\" value=\"{login}\">Continue as {login}</button></p>")
        })
        .collect();
    let body = format!(
        "<h1>Sign in to {}</h1><p>Who are you? There are no passwords in a simulator.</p>\
         <form method=\"post\" action=\"/login/oauth/authorize\">{hidden}{people}\
         <p><button name=\"deny\" value=\"1\">Cancel</button></p></form>",
        escape(&world.app.name)
    );
    let mut response = html(StatusCode::OK, layout::page("Sign in", &body, None));
    // The form leads away from here, and browsers hold redirects against `form-action` too.
    let origin = Url::parse(field("redirect_uri"))
        .map_or_else(|_| String::new(), |url| url.origin().ascii_serialization());
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {origin}; frame-ancestors 'none'"
    );
    if let Ok(policy) = http::HeaderValue::from_str(&policy) {
        response.headers_mut().insert("content-security-policy", policy);
    }
    response
}

/// Sends the browser back with a code, or with what went wrong.
fn choose(sim: &Arc<Inner>, body: &[u8]) -> Response {
    let form = query_pairs(&String::from_utf8_lossy(body));
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut world = sim.world();
    let known = is_callback(&world.app.callback_urls, field("redirect_uri"));
    let Some(mut back) = Url::parse(field("redirect_uri")).ok().filter(|_| known) else {
        return refused(
            StatusCode::BAD_REQUEST,
            "The redirect_uri is not a callback URL of this App.",
        );
    };
    if form.contains_key("deny") {
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair(
                "error_description",
                "The user has denied your application access.",
            )
            .append_pair("state", field("state"));
        return see_other(back.as_str());
    }
    let Some(account_id) = world.account_by_login(field("login")).map(|account| account.id) else {
        return refused(StatusCode::NOT_FOUND, "There is nobody of this name.");
    };
    let challenge = Some(field("code_challenge")).filter(|it| !it.is_empty());
    let code = auth::login_code(&mut world, |expires_at| LoginCode {
        account_id,
        redirect_uri: field("redirect_uri").to_owned(),
        challenge: challenge.map(str::to_owned),
        expires_at,
    });
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", field("state"));
    see_other(back.as_str())
}

/// Exchanges a code, once. GitHub answers what is wrong with 200, and so does this.
fn exchange(sim: &Arc<Inner>, body: &[u8]) -> Response {
    let form = query_pairs(&String::from_utf8_lossy(body));
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut world = sim.world();
    let is_app =
        field("client_id") == world.app.client_id && field("client_secret") == world.app.client_secret;
    if !is_app {
        return answer_json(StatusCode::OK, wrong("incorrect_client_credentials"));
    }
    let now = world.now();
    let held = world.login_codes.remove(field("code"));
    let Some(held) = held.filter(|held| held.expires_at > now) else {
        return answer_json(StatusCode::OK, wrong("bad_verification_code"));
    };
    if held.redirect_uri != field("redirect_uri") {
        return answer_json(StatusCode::OK, wrong("redirect_uri_mismatch"));
    }
    let shown = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier").as_bytes()));
    if held.challenge.is_some_and(|challenge| challenge != shown) {
        return answer_json(StatusCode::OK, wrong("bad_verification_code"));
    }
    let (access, refresh) = auth::user_tokens(&mut world, held.account_id);
    let tokens = json!({
        "access_token": access,
        "expires_in": 28_800,
        "refresh_token": refresh,
        "refresh_token_expires_in": 15_897_600,
        "token_type": "bearer",
        "scope": "",
    });
    answer_json(StatusCode::OK, tokens)
}

fn wrong(error: &str) -> Value {
    json!({"error": error, "error_description": "The simulated GitHub refuses this sign-in."})
}

/// Exactly, as GitHub compares for Apps.
fn is_callback(known: &[String], asked: &str) -> bool {
    known.iter().any(|url| url == asked)
}

fn refused(status: StatusCode, why: &'static str) -> Response {
    let body = format!("<h1>Refused</h1><p>{why}</p>");
    html(status, layout::page("Refused", &body, None))
}
