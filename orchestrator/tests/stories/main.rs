//! The domain's promises on a real PostgreSQL.

mod access;
mod admission;
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
mod proofs;
mod races;
mod receiving;
mod key_rotation;
mod oauth;
mod sessions;
mod sightings;
mod texts;
mod tokens;
