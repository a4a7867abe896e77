//! Who is signed in, and signing out.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use orchestrator::Error;
use orchestrator::identity::session::{self, Live};
use serde::Deserialize;

use super::cookies::{self, CSRF_HEADER, SetCookies};
use super::page::{escape, page, see_other};
use super::{HOME, Login, refuse};

impl Login {
    /// The session that a browser shows, if it counts.
    pub(crate) async fn live(&self, headers: &HeaderMap) -> Result<Option<Live>, Error> {
        let Some(cookie) = cookies::session(&self.site, headers) else {
            return Ok(None);
        };
        let mut tx = self.orchestrator.begin("login.live").await?;
        let live = session::find(&mut tx, cookie).await?;
        tx.commit().await?;
        Ok(live)
    }
}

/// `GET /login/session`: who is signed in.
pub(super) async fn show(State(login): State<Login>, headers: HeaderMap) -> Response {
    let live = match login.live(&headers).await {
        Ok(live) => live,
        Err(error) => return refuse(&error),
    };
    let (Some(live), Some(cookie)) = (live, cookies::session(&login.site, &headers)) else {
        return page(
            StatusCode::OK,
            "Signed out",
            "<p>Nobody is signed in here.</p><p><a href=\"/login\">Sign in with GitHub</a></p>",
        );
    };
    let content = format!(
        "<p>You are signed in as <strong>{}</strong> until {}.</p><form method=\"post\" action=\"/logout\">\
         <input type=\"hidden\" name=\"csrf\" value=\"{}\"><button>Sign out</button></form>",
        escape(&live.person.login),
        live.expires_at.strftime("%Y-%m-%d %H:%M UTC"),
        cookies::csrf_token(cookie),
    );
    page(StatusCode::OK, "Signed in", &content)
}

#[derive(Deserialize)]
pub(super) struct Leave {
    csrf: Option<String>,
}

/// `POST /logout`: ends the session at once, everywhere.
pub(super) async fn leave(
    State(login): State<Login>,
    headers: HeaderMap,
    Form(ask): Form<Leave>,
) -> Response {
    if let Some(cookie) = cookies::session(&login.site, &headers) {
        let told = headers.get(CSRF_HEADER).and_then(|token| token.to_str().ok());
        let token = told.or(ask.csrf.as_deref()).unwrap_or_default();
        if !cookies::is_own_origin(&login.site, &headers) || !cookies::is_csrf_token(cookie, token) {
            return refuse(&Error::Forbidden(
                "this form is not ours; sign out on our own page".into(),
            ));
        }
        if let Err(error) = session::end(&login.orchestrator, cookie).await {
            return refuse(&error);
        }
    }
    see_other(HOME, &SetCookies::signed_out(&login.site))
}
