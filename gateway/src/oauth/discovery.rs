//! What clients read before they ask: the metadata (RFC 8414) and the keys (RFC 7517).

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orchestrator::credential;
use orchestrator::identity::oauth::SCOPE;
use serde_json::{Value, json};

use super::{OAuth, answer, server};
use crate::site::Site;

/// Where clients look: by the standard, and where `OpenID` has it. The forms with `/mcp` in them are those of an issuer with
/// that path, which ours has not: a client that is strict about it stops at such a document (RFC 8414, section 3.3), and
/// goes on to these where there is none.
pub(super) const PATHS: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];
/// Both documents hold nothing secret, and readers keep them for half of a next key's least age.
const HEADERS: [(HeaderName, &str); 2] = [
    (CACHE_CONTROL, "public, max-age=300"),
    (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
];

pub(super) async fn metadata(State(oauth): State<OAuth>) -> Response {
    let describes = oauth.documents.are_read();
    (HEADERS, Json(document(&oauth.site, describes))).into_response()
}

pub(super) async fn keys(State(oauth): State<OAuth>) -> Response {
    match credential::public_keys(&oauth.orchestrator, &oauth.site.audience()).await {
        Ok(keys) => {
            let keys: Vec<_> = keys.iter().map(jwk).collect();
            (HEADERS, Json(json!({ "keys": keys }))).into_response()
        }
        Err(error) => answer::failed(&error),
    }
}

fn jwk(key: &credential::PublicKey) -> Value {
    json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
        "kid": key.kid,
        "x": URL_SAFE_NO_PAD.encode(&key.public_key),
    })
}

/// `offline_access` is not in it although it is accepted: a client that registers without it and then asks for it because
/// it is listed would be refused by its own registration. Clients that describe themselves are told to only where somebody
/// reads it.
fn document(site: &Site, describes: bool) -> Value {
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    json!({
        "issuer": site.origin(),
        "authorization_endpoint": site.at(server::AUTHORIZE),
        "token_endpoint": site.at(server::TOKEN),
        "revocation_endpoint": site.at(server::REVOKE),
        "registration_endpoint": site.at(server::REGISTER),
        "jwks_uri": site.at(server::JWKS),
        "scopes_supported": [SCOPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": describes,
        "protected_resources": [site.audience()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_says_what_is_served() {
        let site = Site::new("https://codex-k8s.example".parse().unwrap()).unwrap();
        insta::assert_json_snapshot!(document(&site, true));
        let alone = document(&site, false);
        assert_eq!(alone["client_id_metadata_document_supported"], false);
    }
}
