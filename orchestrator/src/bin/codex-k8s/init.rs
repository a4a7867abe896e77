use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use orchestrator::credential::{self, EdgeKey, MasterKey, SealedBy, SigningKey};
use orchestrator::{Orchestrator, agent, identity};
use url::Url;

use crate::me;
use crate::memory::Memory;

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    memory: Memory,
    /// File that holds the edge key, the only one of the gateway: 32 bytes in base64
    #[arg(long, env = "CODEXK8S_EDGE_KEY_FILE", value_name = "FILE")]
    edge_key_file: PathBuf,
    /// The address of the tools inside the cluster, for which runs' tokens are signed: `http://mcp-server:8080/mcp`
    #[arg(long, env = "CODEXK8S_AUDIENCE")]
    audience: Url,
    /// The address of the tools at the gateway, for which people's tokens are signed: `https://codex-k8s.example/mcp`
    #[arg(long, env = "CODEXK8S_PUBLIC_AUDIENCE")]
    public_audience: Url,
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
        let before = credential::signing_keys(&orchestrator).await?;
        for (audience, sealed_by) in [
            (&self.audience, SealedBy::Master),
            (&self.public_audience, SealedBy::Edge),
        ] {
            self.ensure_signing_key(&orchestrator, &before, audience.as_str(), sealed_by)
                .await?;
        }
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

    /// Makes a key file only where nothing was sealed under another: a lost key must not be papered over.
    async fn open(&self) -> anyhow::Result<Orchestrator> {
        let master_file = &self.memory.master_key_file;
        let (master, new_master) = read_or_make(master_file, MasterKey::read, MasterKey::generate)?;
        let (edge, new_edge) = read_or_make(&self.edge_key_file, EdgeKey::read, EdgeKey::generate)?;
        let (master_text, edge_text) = (master.encode(), edge.encode());
        let opened = self.memory.database.open(master, Some(edge)).await?;
        let keys = credential::signing_keys(&opened).await?;
        let files = [
            (SealedBy::Master, master_file, new_master, master_text),
            (SealedBy::Edge, &self.edge_key_file, new_edge, edge_text),
        ];
        for (sealed_by, file, is_new, _) in &files {
            let sealed = keys.iter().find(|key| key.sealed_by == *sealed_by);
            if let Some(sealed) = sealed.filter(|_| *is_new) {
                bail!(
                    "{} is not there, but the database has keys sealed under {} {sealed_by} key ({}): restore that file \
                     from its backup; a new one would open nothing",
                    file.display(),
                    if *sealed_by == SealedBy::Edge { "an" } else { "a" },
                    sealed.kid
                );
            }
        }
        for (sealed_by, file, is_new, text) in files {
            if is_new {
                write_new(file, &text)?;
            }
            let file = file.display();
            if is_new {
                println!("{sealed_by} key {file}: made; keep a copy where the database's backup is not");
            } else {
                println!("{sealed_by} key {file}: was there");
            }
        }
        Ok(opened)
    }

    async fn ensure_signing_key(
        &self,
        orchestrator: &Orchestrator,
        before: &[SigningKey],
        audience: &str,
        sealed_by: SealedBy,
    ) -> anyhow::Result<()> {
        let mine = |key: &&SigningKey| key.sealed_by == sealed_by;
        if let Some(closed) = before.iter().filter(mine).find(|key| !key.opens) {
            let file = match sealed_by {
                SealedBy::Master => &self.memory.master_key_file,
                SealedBy::Edge => &self.edge_key_file,
            };
            bail!(
                "the signing key {} does not open: {} is not the {sealed_by} key it was sealed under",
                closed.kid,
                file.display()
            );
        }
        credential::ensure_signing_key(orchestrator, audience, sealed_by).await?;
        let was_there = before.iter().any(|key| key.audience == audience);
        println!("signing key for {audience}: {}", made_or_there(!was_there));
        Ok(())
    }
}

fn made_or_there(made: bool) -> &'static str {
    if made { "made" } else { "was there" }
}

/// The key of a file, or a new one that is not written yet; and which of the two.
fn read_or_make<K>(
    file: &Path,
    read: impl Fn(&Path) -> orchestrator::Result<K>,
    make: impl Fn() -> K,
) -> anyhow::Result<(K, bool)> {
    let is_there = file
        .try_exists()
        .with_context(|| format!("cannot look at {}", file.display()))?;
    if is_there {
        Ok((read(file)?, false))
    } else {
        Ok((make(), true))
    }
}

/// Writes a key where nobody else may read it; never over another.
pub(crate) fn write_new(file: &Path, key: &str) -> anyhow::Result<()> {
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
    writeln!(out, "{key}")?;
    out.sync_all()?;
    Ok(())
}
