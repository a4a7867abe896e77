//! A program of the platform, as a child of the lab.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;
use clap::{Args, Parser};
use lab::Program;
use nix::sys::prctl;
use nix::sys::signal::Signal;

#[derive(Args, Clone, Debug)]
pub(crate) struct ProgramArgs {
    /// The lab that started it, without which it is not
    #[arg(long)]
    parent: u32,
    /// The program as it is deployed, instead of the one in this binary
    #[arg(long)]
    binary: Option<PathBuf>,
    program: Program,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub(crate) fn run(args: ProgramArgs) -> anyhow::Result<ExitCode> {
    // A killed lab leaves no program behind. It may have been killed before this line.
    prctl::set_pdeathsig(Signal::SIGKILL).context("setting the parent-death signal")?;
    if parent_id() != args.parent {
        return Ok(ExitCode::FAILURE);
    }
    if let Some(binary) = args.binary {
        let error = Command::new(&binary).args(args.arguments).exec();
        return Err(error).with_context(|| format!("starting {}", binary.display()));
    }
    let line = std::iter::once(OsString::from(args.program.as_str())).chain(args.arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match args.program {
        Program::Gateway => runtime.block_on(gateway::run(gateway::Cli::parse_from(line)))?,
        Program::McpServer => runtime.block_on(mcp_server::run(mcp_server::Cli::parse_from(line)))?,
        Program::Worker => runtime.block_on(worker::run(worker::Cli::parse_from(line)))?,
    }
    Ok(ExitCode::SUCCESS)
}
