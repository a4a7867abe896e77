//! Agent mode: the small server in the container without credentials.
//!
//! It connects to the supervisor's socket, does what it is asked there (clone, run, commit, bundle, read a file) and
//! exits only when told, because the Job ends with it. SIGTERM is passed on at once, and the server stays.

mod bundle;
mod exec;
mod files;
mod git;
pub mod launch;
mod memory;
mod reaper;
mod repository;
mod session;
mod sigterm;

use std::time::Duration;

use anyhow::Context;
use tokio::net::UnixStream;
use tracing::{info, warn};

pub use self::sigterm::Sigterm;
use crate::config::AgentConfig;
use crate::wire::SOCKET_NAME;

/// Pause between two attempts to reach the supervisor.
const RECONNECT: Duration = Duration::from_millis(250);

/// Serves the supervisor until it says `exit`; returns the exit code it named.
pub async fn run(config: AgentConfig, sigterm: Sigterm) -> anyhow::Result<i32> {
    // The agent's program has the same uid; it must not read the nonce out of this process.
    nix::sys::prctl::set_dumpable(false).context("failed to make the process non-dumpable")?;
    let terminating = sigterm.watch();
    reaper::start();
    let mut nonce = None;
    let socket = config.control_dir.join(SOCKET_NAME);
    info!(socket = %socket.display(), "waiting for the supervisor");
    loop {
        match UnixStream::connect(&socket).await {
            Ok(stream) => match session::serve(stream, &config, &mut nonce, terminating.clone()).await {
                Ok(session::Ended::Exit(code)) => return Ok(code),
                Ok(session::Ended::Lost) => info!("the supervisor is gone; waiting for it to come back"),
                Err(error) => warn!(%error, "the connection to the supervisor broke"),
            },
            Err(error) => tracing::debug!(%error, "the supervisor does not listen yet"),
        }
        tokio::time::sleep(RECONNECT).await;
    }
}
