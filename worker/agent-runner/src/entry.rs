//! The program, whatever binary carries it.

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::config::{Cli, Mode};
use crate::{agent, install, supervisor};

/// Reads the command line and runs the mode it names.
///
/// # Errors
///
/// The mode could not be run to its end; the text says why.
pub fn main() -> anyhow::Result<ExitCode> {
    if let Some(answered) = safe_git::askpass::answer_if_asked() {
        return Ok(answered.map(|()| ExitCode::SUCCESS)?);
    }
    let cli = Cli::parse();
    if let Mode::Become(config) = &cli.mode {
        return Err(agent::launch::become_program(&config.argv));
    }
    let filter = EnvFilter::builder()
        .with_default_directive("agent_runner=info".parse()?)
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .json()
        .init();
    match cli.mode {
        Mode::Become(_) => Ok(ExitCode::FAILURE),
        Mode::Install(config) => install::run(&config).map(|()| ExitCode::SUCCESS),
        Mode::Agent(config) => {
            // Before there are threads: a thread that does not block the signal would take it.
            let sigterm = agent::Sigterm::block()?;
            let code = runtime()?.block_on(agent::run(config, sigterm))?;
            // Not a return: tasks of the runtime may still wait for pipes of the agent's program.
            std::process::exit(code);
        }
        Mode::Supervise(config) => {
            let _ = rustls::crypto::ring::default_provider().install_default();
            runtime()?.block_on(supervisor::run(config))
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}
