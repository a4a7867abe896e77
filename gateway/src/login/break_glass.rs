//! The way in when GitHub is down: a one-use code of whoever runs the installation.

use std::net::SocketAddr;

use axum::Form;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use orchestrator::Error;
use orchestrator::identity::login;
use serde::Deserialize;

use super::page::{page, see_other};
use super::{HOME, Login, cookies, refuse};

/// `GET /login/break-glass`: asks for the code.
pub(super) async fn ask() -> Response {
    let form = "<p>For an owner of the platform, while GitHub is down. Whoever runs the installation makes the code with \
                <code>codex-k8s owner break-glass</code>; it serves once, for ten minutes, and its use is in the audit.</p>\
                <form method=\"post\" action=\"/login/break-glass\"><label>Code <input name=\"code\" type=\"password\" \
                autocomplete=\"off\" required></label> <button>Sign in</button></form>";
    page(StatusCode::OK, "Break glass", form)
}

#[derive(Deserialize)]
pub(super) struct Redeem {
    code: String,
}

/// `POST /login/break-glass`: signs an owner in.
pub(super) async fn redeem(
    State(login): State<Login>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(ask): Form<Redeem>,
) -> Response {
    // A page of somebody else's must not sign a browser in with a code of its own.
    if !cookies::is_own_origin(&login.site, &headers) {
        return refuse(&Error::Forbidden("this form is not ours".into()));
    }
    let cookies = login
        .let_in(peer, &headers, async |shown| {
            let before = shown.before.as_deref();
            login::redeem_break_glass(&login.orchestrator, &ask.code, shown.browser(), before).await
        })
        .await;
    match cookies {
        Ok(cookies) => see_other(HOME, &cookies),
        Err(error) => refuse(&error),
    }
}
