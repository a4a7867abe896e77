//! Development only: the whole platform on one machine, with simulators for what cannot be had.
//!
//! A [`Lab`] is an embedded PostgreSQL, a GitHub simulator, a cluster simulator and a scripted model, and the platform's
//! own programs before them, in this process or as its children. Everything listens on loopback only.

mod balance;
mod children;
mod cli;
mod client;
mod config;
mod console;
mod endpoints;
mod files;
mod lab;
mod lock;
mod npm;
mod platform;
mod search;
mod seed;

pub use cli::{CLAUDE, CODEX, Cli};
pub use client::Client;
pub use config::{LabConfig, RealModel};
pub use console::console;
pub use endpoints::{Endpoints, Person, Settings};
pub use lab::Lab;
pub use lock::Lock;
pub use npm::npm_ci;
pub use platform::Program;
pub use seed::{DEMO_COMMAND, PEOPLE, PROJECT, REPOSITORY, use_claude, use_codex, use_command};
