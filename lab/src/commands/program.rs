//! A program of the platform, in this binary.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use lab::Program;

pub(crate) fn run(program: Program, arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let line = std::iter::once(OsString::from(program.as_str())).chain(arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match program {
        Program::Gateway => runtime.block_on(gateway::run(gateway::Cli::parse_from(line)))?,
        Program::McpServer => runtime.block_on(mcp_server::run(mcp_server::Cli::parse_from(line)))?,
        Program::Worker => runtime.block_on(worker::run(worker::Cli::parse_from(line)))?,
    }
    Ok(ExitCode::SUCCESS)
}
