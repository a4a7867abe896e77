//! The domain's promises on a real PostgreSQL.

mod admission;
mod effects;
mod lifecycle;
mod races;
mod tokens;
