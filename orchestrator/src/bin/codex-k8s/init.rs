use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;
use orchestrator::credential::{self, MasterKey};
use orchestrator::{Orchestrator, agent, identity};
use url::Url;

use crate::me;
use crate::memory::Memory;

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    memory: Memory,
    /// The canonical address of the tools, for which tokens are signed: `https://codex-k8s.example/mcp`
    #[arg(long, env = "CODEXK8S_AUDIENCE")]
    audience: Url,
    /// The first owner's numeric id at GitHub, as in `https://api.github.com/users/LOGIN`
    #[arg(long, requires = "owner_login", value_parser = clap::value_parser!(i64).range(1..))]
    owner_id: Option<i64>,
    /// The first owner's login at GitHub
    #[arg(long, requires = "owner_id")]
    owner_login: Option<String>,
}

impl Init {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.memory.database.require_schema().await?;
        let orchestrator = self.open().await?;
        self.ensure_signing_key(&orchestrator).await?;
        if let (Some(id), Some(login)) = (self.owner_id, &self.owner_login) {
            let (_, changed) = identity::ensure_owner(&orchestrator, &me(), id, login).await?;
            println!("owner {login} (GitHub id {id}): {}", made_or_there(changed));
        }
        let mut tx = orchestrator.begin("cli.init").await?;
        agent::seed_defaults(&mut tx).await?;
        tx.commit().await?;
        println!("agent profiles and prompts: there");
        orchestrator.close().await;
        Ok(())
    }

    /// Makes the master key only where nothing was sealed under another: a lost key must not be papered over.
    async fn open(&self) -> anyhow::Result<Orchestrator> {
        let file = &self.memory.master_key_file;
        if file
            .try_exists()
            .with_context(|| format!("cannot look at {}", file.display()))?
        {
            let opened = self.memory.database.open(MasterKey::read(file)?).await?;
            println!("master key {}: was there", file.display());
            return Ok(opened);
        }
        let key = MasterKey::generate();
        let opened = self.memory.database.open(key.clone()).await?;
        if let Some(sealed) = credential::signing_keys(&opened).await?.first() {
            bail!(
                "{} is not there, but the database has keys sealed under a master key ({}): restore that file from \
                 its backup; a new one would open nothing",
                file.display(),
                sealed.kid
            );
        }
        write_new(file, &key)?;
        println!(
            "master key {}: made; keep a copy where the database's backup is not",
            file.display()
        );
        Ok(opened)
    }

    async fn ensure_signing_key(&self, orchestrator: &Orchestrator) -> anyhow::Result<()> {
        let before = credential::signing_keys(orchestrator).await?;
        if let Some(closed) = before.iter().find(|key| !key.opens) {
            bail!(
                "the signing key {} does not open: {} is not the master key it was sealed under",
                closed.kid,
                self.memory.master_key_file.display()
            );
        }
        let audience = self.audience.as_str();
        credential::ensure_signing_key(orchestrator, audience).await?;
        let was_there = before.iter().any(|key| key.audience == audience);
        println!("signing key for {audience}: {}", made_or_there(!was_there));
        Ok(())
    }
}

fn made_or_there(made: bool) -> &'static str {
    if made { "made" } else { "was there" }
}

/// Writes the key where nobody else may read it; never over another.
fn write_new(file: &Path, key: &MasterKey) -> anyhow::Result<()> {
    let opened = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    let mut out = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("cannot make {}: make its folder first", file.display())
        }
        other => other.with_context(|| format!("cannot make {}", file.display()))?,
    };
    writeln!(out, "{}", key.encode())?;
    out.sync_all()?;
    Ok(())
}
