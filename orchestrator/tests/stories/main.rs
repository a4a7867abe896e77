//! The domain's promises on a real PostgreSQL.

mod access;
mod admission;
mod audit;
mod catalogue;
mod connections;
mod deliveries;
mod disabled;
mod edits;
mod effects;
mod ends;
mod examples;
mod inbox;
mod keeping;
mod lifecycle;
mod notices;
mod overtaken;
mod people;
mod projects;
mod proofs;
mod races;
mod receiving;
mod sightings;
mod texts;
mod tokens;
