//! The domain's promises on a real PostgreSQL.

mod access;
mod admission;
mod catalogue;
mod connections;
mod deliveries;
mod disabled;
mod effects;
mod examples;
mod inbox;
mod keeping;
mod lifecycle;
mod overtaken;
mod proofs;
mod races;
mod receiving;
mod texts;
mod tokens;
