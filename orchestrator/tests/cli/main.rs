//! The program as an operator runs it, on a real PostgreSQL.

mod database;
mod rendering;
mod support;
