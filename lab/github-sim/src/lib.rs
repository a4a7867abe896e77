//! GitHub as the platform meets it: REST, App auth, webhooks and a real git remote. Development only.
//!
//! One [`GithubSim`] is one GitHub with one App. It listens on a loopback address and answers
//! - REST under `/` and `/api/v3`, each body checked against a slice of GitHub's own OpenAPI (`contract/`),
//! - git under `/<owner>/<repository>.git`, by git's own `http-backend`,
//! - pages for people under `/`, and
//! - `/_sim/*`, by which scripts seed it, make things fail and read what it saw.
//!
//! ```text
//! http ──▶ api ──▶ act ──▶ world          act: what can be done, by whatever door
//!   │                │       ▲            world: what is remembered
//! pages ─────────────┤       │            view: what GitHub shows of it
//! git push ──────────┘       └── view     hook: events, signed and sent
//! ```

mod act;
mod api;
mod auth;
mod config;
mod contract;
mod control;
mod drive;
mod fault;
mod git;
mod hook;
mod http;
mod log;
mod pages;
mod seed;
mod server;
mod sim;
mod snapshot;
mod view;
mod world;

pub use self::auth::AppKey;
pub use self::config::{AppSeed, Config, Webhook};
pub use self::fault::{Effect, Fault};
pub use self::hook::{DeliveryEffect, DeliveryFault};
pub use self::log::{ContractError, Log, RequestEntry};
pub use self::seed::{AccountSeed, IssueSeed, LabelSeed, RepositorySeed, Seed};
pub use self::server::GithubSim;
pub use self::world::{AccountKind, Delivery, Level, Role};
