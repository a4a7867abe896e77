//! The server over real HTTP, on a real PostgreSQL.

mod access;
mod act;
mod bearer;
mod contract;
mod eras;
mod follow;
mod keys;
mod previous;
mod private;
mod program;
mod resources;
mod room;
mod streams;
mod surface;
mod tasks;
mod tokens;
mod transport;
mod turn;
mod worker;
mod world;
