//! Where an installation's memory is. Secrets come in files, never as arguments.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use orchestrator::credential::{EdgeKey, MasterKey};
use orchestrator::{Clock, Orchestrator, Settings};
use secrecy::{ExposeSecret, SecretString};

/// A command uses one connection, and a second for what is written down although the rest fails.
const CONNECTIONS: u32 = 2;

#[derive(Debug, Args)]
pub(crate) struct DatabaseFile {
    /// File that holds the database's URL: `postgres://user:password@host/name`
    #[arg(long, env = "CODEXK8S_DATABASE_URL_FILE", value_name = "FILE")]
    database_url_file: PathBuf,
}

impl DatabaseFile {
    pub(crate) fn url(&self) -> anyhow::Result<SecretString> {
        let file = self.database_url_file.display();
        let url = std::fs::read_to_string(&self.database_url_file)
            .with_context(|| format!("cannot read the database's URL from {file}"))?;
        Ok(url.trim().into())
    }

    pub(crate) async fn open(
        &self,
        master_key: MasterKey,
        edge_key: Option<EdgeKey>,
    ) -> anyhow::Result<Orchestrator> {
        let settings = Settings {
            database_url: self.url()?,
            max_connections: CONNECTIONS,
            look_connections: 0,
            master_key: Some(master_key),
            edge_key,
        };
        Ok(Orchestrator::open(settings, Clock::default()).await?)
    }

    /// Refuses to go on with a schema of another version.
    pub(crate) async fn require_schema(&self) -> anyhow::Result<()> {
        let inspection = orchestrator::postgres::inspect(self.url()?.expose_secret()).await?;
        anyhow::ensure!(
            inspection.pending.is_empty(),
            "the schema is not the one of this version; run `codex-k8s migrate` first"
        );
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Memory {
    #[command(flatten)]
    pub(crate) database: DatabaseFile,
    /// File that holds the master key: 32 bytes in base64
    #[arg(long, env = "CODEXK8S_MASTER_KEY_FILE", value_name = "FILE")]
    pub(crate) master_key_file: PathBuf,
}

impl Memory {
    pub(crate) async fn open(&self) -> anyhow::Result<Orchestrator> {
        let master_key = MasterKey::read(&self.master_key_file)?;
        self.database.require_schema().await?;
        self.database.open(master_key, None).await
    }
}
