//! Tool inputs and outputs: the words the platform speaks over MCP.
//!
//! Plain data with a JSON Schema, no logic. Staff and agent tools refuse unknown input fields, so that a misspelt option
//! is an error and not a surprise; supervisor tools ignore them, because a runner may be one version ahead or behind
//! ([`runner::CONTRACT_VERSION`]).

pub mod access;
pub mod agent;
pub mod audit;
pub mod bounded;
pub mod delivery;
pub mod effect;
pub mod environment;
pub mod failure;
pub mod inbox;
pub mod issue;
pub mod knowledge;
pub mod operations;
pub mod page;
pub mod principal;
pub mod project;
pub mod pull_request;
pub mod repository;
pub mod run;
pub mod runner;
pub mod schema;
pub mod search;
pub mod secret;
pub mod slot;
pub mod token;
pub mod trigger;
pub mod user;
pub mod wait;
