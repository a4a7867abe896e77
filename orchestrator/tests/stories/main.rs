//! The domain's promises on a real PostgreSQL.

mod access;
mod admission;
mod bindings;
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
mod key_rotation;
mod lifecycle;
mod notices;
mod oauth;
mod overtaken;
mod proofs;
mod races;
mod receiving;
mod secrets;
mod sessions;
mod sightings;
mod texts;
mod tokens;
