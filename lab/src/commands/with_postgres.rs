//! One throw-away server for a whole test run.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::Context;
use embedded_postgres::{Durability, Environment, Options, Postgres, default_cache_dir};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let environment: Environment = std::env::vars_os().collect();
    let cache = default_cache_dir(&environment).unwrap_or_else(std::env::temp_dir);
    let data = std::env::temp_dir().join(format!("codex-k8s-tests-{}", std::process::id()));
    let mut options = Options::new(cache, &data, environment);
    options.durability = Durability::ThrowAway;
    let server = Postgres::start(&options)?;
    let (program, arguments) = args.command.split_first().context("a command")?;
    let status = Command::new(program)
        .args(arguments)
        .env("TEST_DATABASE_URL", server.url("postgres"))
        .status()
        .with_context(|| format!("cannot run {}", program.display()))?;
    server.stop()?;
    let _ = std::fs::remove_dir_all(&data);
    Ok(ExitCode::from(
        u8::try_from(status.code().unwrap_or(1)).unwrap_or(1),
    ))
}
