//! The domain's promises on a real PostgreSQL.

mod access;
mod admission;
mod catalogue;
mod connections;
mod deliveries;
mod effects;
mod examples;
mod inbox;
mod lifecycle;
mod races;
mod tokens;
