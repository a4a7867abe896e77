//! What repositories say: passes, vectors, searches, and who finds what.

mod models;
mod nearest;
mod search;
mod shelf;
