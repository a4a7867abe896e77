//! The OAuth authorization server's memory: clients, codes, refresh families, and what people granted.
//!
//! The protocol is the library's (`oauth-as`); [`Store`] is its storage. An access token that the library issues is an
//! opaque string that never leaves the gateway: [`sign_issued`] gives the client one of ours for it, whose row names the
//! grant, so that ending a grant ends its tokens at their next use.
//!
//! Nothing here can be used by who reads it: secrets are rows by their hash, and what only a secret's holder may know is
//! sealed under the secret itself.
//!
//! Tables: `oauth_clients`, `oauth_codes`, `oauth_tokens`, `oauth_refresh_tokens`, `oauth_barriers`, `oauth_grants`.

mod domain;
#[cfg(feature = "postgres")]
mod grant;
#[cfg(feature = "postgres")]
mod record;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod storage;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{
    ACCESS_TOKEN_LIFE, CODE_LIFE, ClientKind, MAX_DYNAMIC_CLIENTS, MAX_REDIRECT_URIS,
    MAX_REGISTRATIONS_PER_HOUR, REFRESH_TOKEN_LIFE, SCOPE, Subject, allows_redirect, is_loopback,
    may_redirect_to, without_offline_access,
};
#[cfg(feature = "postgres")]
pub use grant::{Grant, list_grants, revoke_grant, sign_issued};
#[cfg(feature = "postgres")]
pub(crate) use grant::{end_grants_of, granted, hold_grant};
#[cfg(feature = "postgres")]
pub use service::{
    Listed, NewClient, add_client, fresh_document, keep_document, list_clients, register, remove_client,
    sweep,
};
#[cfg(feature = "postgres")]
pub use storage::Store;
