//! The domain's promises on a real PostgreSQL.

mod access;
mod admission;
mod catalogue;
mod deliveries;
mod edits;
mod effects;
mod ends;
mod examples;
mod inbox;
mod lifecycle;
mod notices;
mod races;
mod sightings;
mod tokens;
