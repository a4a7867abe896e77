//! The domain: decides and remembers. The only crate that knows sqlx and the queue's tables.
//!
//! One folder per context, the same furniture in each: `domain` decides (pure), `service` holds the use cases that other
//! crates may call, `store` is the SQL (private), `jobs` is what the context asks the worker to do later. Without the
//! feature `postgres` only the domain is built, and it must build.

pub mod actor;
pub mod clock;
pub mod error;
pub mod id;
pub mod page;
pub mod ports;
pub mod scrub;
pub mod trace;

pub mod agent;
pub mod approval;
pub mod audit;
pub mod credential;
pub mod delivery;
pub mod effect;
pub mod identity;
pub mod inbox;
pub mod knowledge;
pub mod port_call;
pub mod project;
pub mod repository;
pub mod run;
pub mod slot;
pub mod stack;
pub mod trigger;
pub mod work_item;

#[cfg(feature = "postgres")]
pub mod fault;
#[cfg(feature = "postgres")]
pub mod idempotency;
#[cfg(feature = "postgres")]
mod orchestrator;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "postgres")]
pub mod queue;
#[cfg(feature = "postgres")]
pub mod receiver;
#[cfg(feature = "postgres")]
pub mod stats;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "postgres")]
pub mod workers;

pub use actor::Actor;
pub use clock::Clock;
pub use error::{Error, Result};
#[cfg(feature = "postgres")]
pub use orchestrator::{Orchestrator, Settings};
