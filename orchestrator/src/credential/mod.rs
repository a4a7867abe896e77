//! Tokens and keys: issued, rotated, revoked. Logs no value.

#[cfg(feature = "postgres")]
mod seal;

#[cfg(feature = "postgres")]
pub use seal::MasterKey;
