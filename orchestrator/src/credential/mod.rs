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
mod person;
#[cfg(feature = "postgres")]
mod rotate;
#[cfg(feature = "postgres")]
mod seal;
pub mod secret;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod staff;
#[cfg(feature = "postgres")]
mod statement;
#[cfg(feature = "postgres")]
mod store;
#[cfg(feature = "postgres")]
mod verified;
#[cfg(feature = "postgres")]
mod vouch;

pub use domain::{Claims, ISSUER, Leniency, Narrowing, REFRESH_GRACE, RUN_TOKEN_LIFE, TOOLSETS, TokenFault};
#[cfg(feature = "postgres")]
pub use jwt::SignedToken;
#[cfg(feature = "testing")]
pub(crate) use keys::private_key;
#[cfg(feature = "postgres")]
pub use keys::{SealedBy, SigningKey, ensure_signing_key, require_signing_key, signing_keys};
#[cfg(feature = "postgres")]
pub use person::{
    SESSION_TOKEN_LIFE, TokenOrigin, exchange_session, issue_person_token, revoke_grant_tokens,
};
#[cfg(feature = "postgres")]
pub use rotate::{NEXT_KEY_MIN_AGE, PublicKey, Rotation, public_keys, rotate};
#[cfg(feature = "postgres")]
pub use seal::{EdgeKey, MasterKey};
#[cfg(feature = "postgres")]
pub use service::{
    Proven, RunTokenIds, TokenScope, authenticate, issue_platform_token, issue_service_token, issue_token,
    note_use, prove, refresh_run_tokens, sign, still_counts, sweep,
};
#[cfg(feature = "postgres")]
pub(crate) use service::{
    issue_run_tokens, revoke_person_tokens, revoke_project_tokens, revoke_run_tokens, revoke_token,
    signed_by_us,
};
#[cfg(feature = "postgres")]
pub use staff::{
    Holder, MAX_LIVE_TOKENS, MAX_MADE_DAYS, NamedToken, NewToken, TokenFor, end_token, list_tokens,
    make_token,
};
#[cfg(feature = "postgres")]
pub(crate) use statement::{StatementKeys, ensure_statement_key, sign_statement, statement_keys};
#[cfg(feature = "postgres")]
pub(crate) use store::staff::erase;
#[cfg(feature = "postgres")]
pub(crate) use verified::Verified;
#[cfg(feature = "postgres")]
pub use vouch::{vouch, vouched};
