//! The program as an operator runs it, on a real PostgreSQL.

mod agents;
mod audit;
mod database;
mod keys;
mod oauth;
mod rendering;
mod support;
