//! A PostgreSQL of the bench's own: the lab's and the peer's, so that both wait for the same disk.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use embedded_postgres::{Environment, Options, Postgres};
use orchestrator::postgres::admin;
use tokio::process::Command;

/// Where the platform lives.
pub(super) const PLATFORM: &str = "codex_k8s";
/// Where peers and limits live.
pub(super) const BESIDE: &str = "beside";
const ONE_COMMAND: Duration = Duration::from_mins(1);

/// A running server with two databases. It waits for the disk at each commit, as in production.
pub(super) struct Server {
    postgres: Postgres,
}

impl Server {
    pub(super) async fn start(dir: &Path) -> anyhow::Result<Self> {
        let environment: Environment = std::env::vars_os().collect();
        let cache = embedded_postgres::default_cache_dir(&environment).unwrap_or_else(|| dir.join("cache"));
        let options = Options::new(cache, dir.join("postgres"), environment);
        let postgres = tokio::task::spawn_blocking(move || Postgres::start(&options)).await??;
        for name in [PLATFORM, BESIDE] {
            admin::ensure_database(&postgres.url("postgres"), name).await?;
        }
        Ok(Self { postgres })
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        tokio::task::spawn_blocking(move || self.postgres.stop()).await??;
        Ok(())
    }

    pub(super) fn url(&self, database: &str) -> String {
        self.postgres.url(database)
    }

    /// The first of its processes.
    pub(super) fn pid(&self) -> u32 {
        self.postgres.pid()
    }

    /// One of the programs that come with the server.
    pub(super) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let program = self.postgres.bin_dir().join(name);
        ensure!(
            program.is_file(),
            "{} is not there; install it beside the server (Debian: the package postgresql-contrib)",
            program.display()
        );
        Ok(program)
    }

    /// Runs a statement; answers the first column of its first row.
    pub(super) async fn ask(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.program("psql")?);
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--command",
        ])
        .arg(statement)
        .arg(self.url(database));
        output(psql).await
    }

    pub(super) async fn count(&self, database: &str, what: &str) -> anyhow::Result<u64> {
        let answer = self
            .ask(database, &format!("SELECT count(*) FROM {what}"))
            .await?;
        answer.trim().parse().context("psql did not answer a number")
    }
}

/// Runs a program of the server's to its end; answers what it printed.
pub(super) async fn output(mut command: Command) -> anyhow::Result<String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(ONE_COMMAND, command.output())
        .await
        .with_context(|| {
            format!(
                "a program of the database did not end within {} s",
                ONE_COMMAND.as_secs()
            )
        })??;
    ensure!(
        ended.status.success(),
        "a program of the database failed: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}
