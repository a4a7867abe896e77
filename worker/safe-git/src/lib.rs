//! Git, run so that nothing of a repository or a machine is executed, and no credential leaves its hands.
//!
//! A [`Command`] inherits nothing that was not chosen: no configuration of the system or the user, no hook, filter or
//! helper, no protocol beyond the one it needs. Credentials come by [`askpass`], and stand in no argument, environment or
//! file.

pub mod askpass;
mod command;

pub use askpass::{Answering, Credential};
pub use command::{Allow, Command, GitError, Running, Said, inherited_environment, last_words};
