//! Real servers, started, stopped, killed and refused.

mod fetching;
mod lifecycle;
#[cfg(target_os = "linux")]
mod orphans;
#[cfg(target_os = "linux")]
mod other_user;
mod refusals;
mod support;
