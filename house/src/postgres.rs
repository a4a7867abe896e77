//! A server for as long as a command runs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use embedded_postgres::{Durability, Environment, Options, Postgres};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// The fields drop in this order: the server stops before its folder goes.
pub(crate) struct Server {
    postgres: Postgres,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let environment: Environment = std::env::vars_os().collect();
        let cache = embedded_postgres::default_cache_dir(&environment)
            .context("neither XDG_CACHE_HOME nor HOME says where to keep the server's programs")?;
        let folder = tempfile::Builder::new().prefix("codex-k8s-").tempdir()?;
        let mut options = Options::new(cache, folder.path().join("postgres"), environment);
        options.durability = Durability::ThrowAway;
        Ok(Self {
            postgres: Postgres::start(&options)?,
            _folder: folder,
        })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        self.postgres.url(database)
    }

    /// Where its programs are, for a message.
    pub(crate) fn bin_dir(&self) -> &Path {
        self.postgres.bin_dir()
    }

    /// Runs psql on a database; it stops at the first error.
    pub(crate) fn psql(&self, database: &str, arguments: &[&OsStr]) -> anyhow::Result<()> {
        let packaged = self.postgres.bin_dir().join("psql");
        let program = if packaged.is_file() {
            packaged
        } else {
            "psql".into()
        };
        let output = Command::new(&program)
            .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname"])
            .arg(self.url(database))
            .args(arguments)
            .output()
            .with_context(|| format!("cannot run {}: install PostgreSQL's client", program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "psql failed: {}", said.trim());
        Ok(())
    }
}

/// Runs a command to its end. An interrupt from the terminal reaches it too, so it decides; a request to end is passed
/// on by ending it. A developer's `DATABASE_URL` does not reach it: queries would be checked against that database.
pub(crate) async fn run(command: &[String], environment: &[(&str, String)]) -> anyhow::Result<ExitCode> {
    let _interrupts = signal(SignalKind::interrupt())?;
    let mut end = signal(SignalKind::terminate())?;
    let (program, arguments) = command.split_first().context("no command was given")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .env_remove("DATABASE_URL")
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let status = tokio::select! {
        status = child.wait() => status?,
        _ = end.recv() => {
            child.kill().await?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
