//! What people give the platform to keep: keys of model providers, and values of projects. Written and replaced, never
//! read back; what is shown is that there is one, since when, and when it was last used.
//!
//! Table: `secrets`.

mod domain;
#[cfg(feature = "postgres")]
mod reseal;
#[cfg(feature = "postgres")]
mod service;
#[cfg(feature = "postgres")]
mod store;

pub use domain::{SecretKind, check_name, origin};
#[cfg(feature = "postgres")]
pub use reseal::reseal;
#[cfg(feature = "postgres")]
pub use service::{NewSecret, Secret, fingerprint, list, model_key, set};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
