//! People sign in: away to GitHub and back, a session in a cookie, and out again.
//!
//! Nothing is kept for a visitor who proves nothing: what must be remembered is in a sealed cookie.

pub(crate) mod cookies;
pub(crate) mod github;
pub(crate) mod page;

mod break_glass;
mod leave;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use ipnet::IpNet;
use orchestrator::identity::login::{self, Attempt};
use orchestrator::identity::rule;
use orchestrator::identity::session::{Browser, Opened};
use orchestrator::ports::identity::{Identified, Identity, IdentityError};
use orchestrator::{Error, Orchestrator};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::sync::Semaphore;

use self::cookies::SetCookies;
use self::page::{escape, page, see_other};
use crate::address;
use crate::site::Site;

/// Where GitHub sends a browser back to; the App names it exactly.
pub(crate) const CALLBACK: &str = "/login/callback";
/// Where a browser is sent that wanted nowhere else: the console.
const HOME: &str = "/";
/// A page without a script that says who is signed in.
const SESSION_PAGE: &str = "/login/session";
/// Sign-ins that ask GitHub at once; one more is asked to come again.
const MAX_AT_ONCE: usize = 64;
/// Bytes of a code or state that came back; GitHub's are far shorter.
const MAX_WORD_BYTES: usize = 512;

/// All that signing in needs.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) site: Site,
    trusted_proxies: Arc<[IpNet]>,
    identity: Arc<dyn Identity>,
    places: Arc<Semaphore>,
}

impl Login {
    pub(crate) fn new(
        orchestrator: Orchestrator,
        site: Site,
        identity: Arc<dyn Identity>,
        trusted_proxies: Arc<[IpNet]>,
    ) -> Self {
        Self {
            orchestrator,
            site,
            trusted_proxies,
            identity,
            places: Arc::new(Semaphore::new(MAX_AT_ONCE)),
        }
    }

    /// Opens a session for a browser, through `open`, and answers what the browser keeps of it.
    async fn let_in<F>(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
        open: impl FnOnce(Shown) -> F,
    ) -> Result<SetCookies, Error>
    where
        F: Future<Output = Result<Opened, Error>>,
    {
        let shown = Shown {
            user_agent: headers
                .get(USER_AGENT)
                .and_then(|agent| agent.to_str().ok())
                .map(str::to_owned),
            address: address::client(peer, headers, &self.trusted_proxies).to_string(),
            before: cookies::session(&self.site, headers).map(str::to_owned),
        };
        let opened = open(shown).await?;
        Ok(SetCookies::signed_in(&self.site, &opened))
    }
}

/// What a browser shows of itself.
struct Shown {
    user_agent: Option<String>,
    address: String,
    /// The session it had.
    before: Option<String>,
}

impl Shown {
    fn browser(&self) -> Browser<'_> {
        Browser {
            user_agent: self.user_agent.as_deref(),
            address: Some(&self.address),
        }
    }
}

/// The pages of signing in and out.
pub(crate) fn routes(login: Login) -> Router {
    Router::new()
        .route("/login", get(begin))
        .route(CALLBACK, get(come_back))
        .route(
            "/login/break-glass",
            get(break_glass::ask).post(break_glass::redeem),
        )
        .route(SESSION_PAGE, get(leave::show))
        .route("/logout", post(leave::leave))
        .with_state(login)
}

/// `GET /` where there is no console.
pub(crate) async fn session_page() -> Response {
    see_other(SESSION_PAGE, &SetCookies::none())
}

#[derive(Deserialize)]
struct Begin {
    return_to: Option<String>,
}

/// `GET /login`: away to GitHub.
async fn begin(State(login): State<Login>, Query(ask): Query<Begin>) -> Response {
    match login::begin(&login.orchestrator, ask.return_to.as_deref(), HOME) {
        Ok(begun) => {
            let url = login.identity.authorize_url(&begun.state, &begun.verifier);
            see_other(
                &url,
                &SetCookies::begun(&login.site, begun.cookie.expose_secret()),
            )
        }
        Err(error) => refuse(&error),
    }
}

#[derive(Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// `GET /login/callback`: back from GitHub. However it ends, the sign-in is over.
async fn come_back(
    State(login): State<Login>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Response {
    match settle(&login, peer, &headers, back).await {
        Ok((return_to, cookies)) => see_other(&return_to, &cookies.ended(&login.site)),
        Err(error) => {
            let mut response = refuse(&error);
            SetCookies::none()
                .ended(&login.site)
                .write(response.headers_mut());
            response
        }
    }
}

async fn settle(
    login: &Login,
    peer: SocketAddr,
    headers: &HeaderMap,
    back: Back,
) -> Result<(String, SetCookies), Error> {
    let fits = |word: &String| word.len() <= MAX_WORD_BYTES;
    let state = back.state.filter(fits);
    let carried = cookies::login(&login.site, headers);
    let (Some(carried), Some(state)) = (carried, state) else {
        return Err(Error::Unauthenticated(
            "this browser began no sign-in that ends here; begin again".into(),
        ));
    };
    let attempt = login::resume(&login.orchestrator, carried, &state)?;
    let Some(code) = back.code.filter(fits).filter(|_| back.error.is_none()) else {
        return Err(Error::Forbidden(
            "GitHub was not allowed to say who you are".into(),
        ));
    };
    let who = ask(login, &attempt, &code).await?;
    let cookies = login
        .let_in(peer, headers, async |shown| {
            let before = shown.before.as_deref();
            login::settle(&login.orchestrator, &attempt, &who, shown.browser(), before).await
        })
        .await?;
    Ok((attempt.return_to.clone(), cookies))
}

async fn ask(login: &Login, attempt: &Attempt, code: &str) -> Result<Identified, Error> {
    let Ok(_place) = login.places.try_acquire() else {
        return Err(Error::Unavailable(
            "too many people sign in at once; try again in some seconds".into(),
        ));
    };
    let groups = rule::groups(&login.orchestrator).await?;
    let asked = login.identity.identify(code, &attempt.verifier, &groups).await;
    asked.map_err(|error| match error {
        IdentityError::Refused(why) => Error::Unauthenticated(why),
        IdentityError::Unavailable(why) => Error::Unavailable(format!(
            "{why}. Try again; while GitHub is down, an operator can let an owner in with `codex-k8s owner break-glass`"
        )),
    })
}

/// A page that says why not.
fn refuse(error: &Error) -> Response {
    let (status, title, kind) = match error {
        Error::Unauthenticated(_) => (StatusCode::BAD_REQUEST, "Not signed in", "login"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "No access", "forbidden"),
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "Not now", "unavailable"),
        _ => {
            tracing::error!(error = error as &dyn std::error::Error, "a sign-in met a defect");
            (StatusCode::INTERNAL_SERVER_ERROR, "This did not work", "internal")
        }
    };
    metrics::counter!("codex_auth_failures_total", "program" => "gateway", "kind" => kind).increment(1);
    let why = escape(&error.told());
    page(
        status,
        title,
        &format!("<p>{why}.</p><p><a href=\"/login\">Sign in</a></p>"),
    )
}
