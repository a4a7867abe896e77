//! Where clients learn whom to ask for a token (RFC 9728).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use serde_json::{Value, json};
use url::Url;

use crate::config::Config;

/// The well-known path; the document lies there and under it, with the resource's path appended.
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The one scope there is. What a token may do is decided by the access matrix; a tool it may not see answers like one that
/// is not there, so no call is ever answered with `insufficient_scope`.
pub(crate) const SCOPE: &str = "tools";

/// The metadata of the resource under whose address the request came.
pub(crate) async fn show(State(config): State<Arc<Config>>, headers: HeaderMap) -> Json<Value> {
    document(&config, config.resource_of(host(&headers)))
}

/// The host that a request names.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST).and_then(|host| host.to_str().ok())
}

fn document(config: &Config, resource: &Url) -> Json<Value> {
    // An issuer is compared as it is written, and an origin is written without a slash at its end.
    let issuers = config
        .authorization_servers
        .iter()
        .map(|url| url.as_str().trim_end_matches('/'));
    let issuers: Vec<_> = issuers.collect();
    Json(json!({
        "resource": resource.as_str(),
        "resource_name": "codex-k8s",
        "authorization_servers": issuers,
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
    }))
}
