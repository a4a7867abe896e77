//! `POST /register` (RFC 7591): a client makes itself known. It gets no secret and no way to change itself later; what it
//! asks for beyond that is answered with what it got.

use std::net::SocketAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use oauth_as::Client;
use orchestrator::Error;
use orchestrator::identity::oauth::{self, NewClient, SCOPE};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{OAuth, answer};

/// What is read of a registration; what clients say beyond it changes nothing.
#[derive(Deserialize)]
struct Ask {
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    client_name: Option<String>,
}

pub(super) async fn register(
    State(oauth): State<OAuth>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(_place) = oauth.requests.try_acquire() else {
        return answer::busy();
    };
    let Ok(ask) = serde_json::from_slice::<Ask>(&body) else {
        let why = "expected a JSON object with redirect_uris";
        return answer::refused(StatusCode::BAD_REQUEST, "invalid_client_metadata", why);
    };
    let wanted = NewClient {
        name: ask.client_name,
        redirect_uris: ask.redirect_uris,
    };
    let address = oauth.client_address(peer, &headers).to_string();
    match oauth::register(&oauth.orchestrator, wanted, &address).await {
        Ok(client) => {
            let headers = [(CACHE_CONTROL, "no-store"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
            let issued_at = oauth.orchestrator.clock().now().as_second();
            (StatusCode::CREATED, headers, Json(told(&client, issued_at))).into_response()
        }
        Err(Error::Invalid(why)) => answer::refused(StatusCode::BAD_REQUEST, "invalid_redirect_uri", &why),
        Err(error) => answer::failed(&error),
    }
}

fn told(client: &Client, issued_at: i64) -> Value {
    let mut told = json!({
        "client_id": client.client_id.as_str(),
        "client_id_issued_at": issued_at,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": SCOPE,
    });
    if let Some(name) = &client.name {
        told["client_name"] = Value::from(name.as_str());
    }
    told
}
