//! Tokens and keys: issued, rotated, revoked. Logs no value.
//!
//! Access tokens are `at+jwt` signed with Ed25519. The transaction inserts a row under the token's `jti`; whoever needs
//! the token signs it from that row, so a retry yields the same token and nothing signed is stored.
//!
//! Tables: `signing_keys`, `access_tokens`.

mod domain;
#[cfg(feature = "postgres")]
mod jwt;
#[cfg(feature = "postgres")]
mod keys;
#[cfg(feature = "postgres")]
mod seal;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{Claims, ISSUER, Leniency, Narrowing, REFRESH_GRACE, RUN_TOKEN_LIFE, TOOLSETS, TokenFault};
#[cfg(feature = "postgres")]
pub use jwt::SignedToken;
#[cfg(feature = "postgres")]
pub use keys::{SigningKey, require_signing_key, signing_keys};
#[cfg(feature = "postgres")]
pub use seal::MasterKey;
#[cfg(feature = "postgres")]
pub use service::{
    Proven, RunTokenIds, TokenScope, authenticate, ensure_signing_key, issue_platform_token,
    issue_service_token, issue_token, prove, refresh_run_tokens, sign, still_counts, sweep,
};
#[cfg(feature = "postgres")]
pub(crate) use service::{issue_run_tokens, revoke_run_tokens};
