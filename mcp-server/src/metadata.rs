//! Where clients learn whom to ask for a token (RFC 9728).

use axum::Json;
use serde_json::{Value, json};
use url::Url;

use crate::config::Config;

/// The well-known path; the document lies there and under it, with the resource's path appended.
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The one scope there is. What a token may do is decided by the access matrix; a tool it may not see answers like one that
/// is not there, so no call is ever answered with `insufficient_scope`.
pub(crate) const SCOPE: &str = "tools";

/// The protected resource's metadata.
pub(crate) fn document(config: &Config) -> Json<Value> {
    let issuers: Vec<_> = config.authorization_servers.iter().map(Url::as_str).collect();
    Json(json!({
        "resource": config.resource.as_str(),
        "resource_name": "codex-k8s",
        "authorization_servers": issuers,
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
    }))
}
