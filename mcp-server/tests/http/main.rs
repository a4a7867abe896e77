//! The server over real HTTP, on a real PostgreSQL.

mod bearer;
mod eras;
mod transport;
mod world;
