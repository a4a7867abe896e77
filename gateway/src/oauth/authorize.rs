//! `/authorize`: a client sends a browser; its person decides.
//!
//! Nothing is kept between the page and the answer: the form carries the request as it came, bound to the session, and it
//! is examined again as if it were new.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use oauth_as::{
    AuthorizationError, AuthorizationRequest, Client, ErrorResponse, Storage, UserApproval,
    ValidatedAuthorizationRequest,
};
use orchestrator::Error;
use orchestrator::identity::oauth::{Subject, without_offline_access};
use orchestrator::identity::session::{self, Live};
use serde::Deserialize;
use url::form_urlencoded;

use super::server::AUTHORIZE;
use super::{OAuth, answer, consent};
use crate::login::cookies::{self, SetCookies};
use crate::login::page::see_other;

/// Bytes of a request; it must still fit into what a sign-in carries.
const MAX_QUERY_BYTES: usize = 1900;

/// What a client asks, found to be in order.
pub(super) struct Asked {
    pub(super) request: ValidatedAuthorizationRequest,
    pub(super) client: Arc<Client>,
    /// As it came.
    pub(super) query: String,
}

#[derive(Deserialize)]
pub(super) struct Decision {
    query: String,
    csrf: String,
    #[serde(rename = "decision")]
    word: String,
}

/// `GET /authorize`: the consent page, or a sign-in before it.
pub(super) async fn show(
    State(oauth): State<OAuth>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let shown = async {
        let _place = oauth.requests.try_acquire().map_err(|_| answer::busy())?;
        let asked = examine(&oauth, &query.unwrap_or_default()).await?;
        let Some((live, cookie)) = signed_in(&oauth, &headers).await? else {
            return Err(sign_in(&asked.query));
        };
        Ok(consent::page(&asked, &live, cookie))
    };
    shown.await.unwrap_or_else(|refusal| refusal)
}

/// `POST /authorize`: what the person said on the page.
pub(super) async fn decide(
    State(oauth): State<OAuth>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    let decided = async {
        let _place = oauth.requests.try_acquire().map_err(|_| answer::busy())?;
        let not_ours = || {
            answer::dead_end(
                StatusCode::FORBIDDEN,
                "This form is not ours, or its page is too old",
            )
        };
        let Form(decision) = form.map_err(|_| not_ours())?;
        let Some((live, cookie)) = signed_in(&oauth, &headers).await? else {
            return Err(not_ours());
        };
        let is_ours = cookies::is_own_origin(&oauth.site, &headers)
            && consent::is_token(cookie, &decision.query, &decision.csrf);
        if !is_ours {
            return Err(not_ours());
        }
        let asked = examine(&oauth, &decision.query).await?;
        if decision.word != "allow" {
            return Ok(away(&asked.request.denied().location()));
        }
        let subject = Subject {
            person_id: live.person.person_id,
            signed_in_at: Some(live.created_at),
        };
        let approval = UserApproval::granted(&asked.request, subject.word());
        let issued = oauth.server(None).issue_authorization_code(approval).await;
        let issued = issued.map_err(|error| refuse(&error))?;
        Ok(away(&issued.location(&asked.request.redirect_uri)))
    };
    decided.await.unwrap_or_else(|refusal: Response| refusal)
}

/// Finds out who asks and for what; an answer of ours if that is not in order.
async fn examine(oauth: &OAuth, query: &str) -> Result<Asked, Response> {
    let wrong = |why: &str| answer::dead_end(StatusCode::BAD_REQUEST, why);
    if query.len() > MAX_QUERY_BYTES {
        return Err(wrong("Its request is too long"));
    }
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes()).collect();
    let of = |wanted: &str| {
        pairs
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| &**value)
    };
    let repeated = pairs
        .iter()
        .enumerate()
        .any(|(at, (name, _))| name != "resource" && pairs[..at].iter().any(|(before, _)| before == name));
    if repeated {
        return Err(wrong("Its request says something twice"));
    }
    if of("request").is_some() || of("request_uri").is_some() {
        return Err(wrong("Its request is in an object, which is not supported"));
    }
    if let Some(client_id) = of("client_id").filter(|id| id.contains(':')) {
        let known = oauth.documents.ensure(client_id).await;
        known.map_err(|refused| answer::dead_end(refused.status(), &refused.to_string()))?;
    }
    let scope = of("scope").and_then(without_offline_access);
    let rest = pairs
        .iter()
        .filter(|(name, _)| name != "scope")
        .map(|(name, value)| (&**name, &**value));
    let asked = rest.chain(scope.as_deref().map(|scope| ("scope", scope)));
    let request = AuthorizationRequest::from_pairs(asked);
    let server = oauth.server(of("redirect_uri"));
    let request = server
        .validate_authorization_request(&request)
        .await
        .map_err(|error| refuse(&error))?;
    let client = server.store().get_client(&request.client_id).await;
    let client = client
        .ok()
        .flatten()
        .ok_or_else(|| wrong("It is not known here"))?;
    Ok(Asked {
        request,
        client,
        query: query.to_owned(),
    })
}

/// The library's refusal: back to the client where that is known to be safe, else a page.
fn refuse(error: &AuthorizationError) -> Response {
    match error {
        AuthorizationError::Redirect(back) => away(&back.location()),
        AuthorizationError::Direct(ErrorResponse {
            error_description, ..
        }) => {
            let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
            let why = error_description
                .as_deref()
                .unwrap_or("Its request is not in order");
            answer::dead_end(status, &format!("Its request is not in order: {why}"))
        }
    }
}

fn away(location: &str) -> Response {
    see_other(location, &SetCookies::none())
}

fn sign_in(query: &str) -> Response {
    let back: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", &format!("{AUTHORIZE}?{query}"))
        .finish();
    away(&format!("/login?{back}"))
}

/// The session of a browser, and the cookie that proves it.
async fn signed_in<'a>(oauth: &OAuth, headers: &'a HeaderMap) -> Result<Option<(Live, &'a str)>, Response> {
    let Some(cookie) = cookies::session(&oauth.site, headers) else {
        return Ok(None);
    };
    let found = async {
        let mut tx = oauth.orchestrator.begin("oauth.signed_in").await?;
        let live = session::find(&mut tx, cookie).await?;
        tx.commit().await?;
        Ok::<_, Error>(live)
    };
    let live = found.await.map_err(|error| answer::failed(&error))?;
    Ok(live.map(|live| (live, cookie)))
}
