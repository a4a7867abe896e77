use std::path::PathBuf;

use clap::{Args, Subcommand};
use orchestrator::credential::{self, EdgeKey, MasterKey, Rotation};

use crate::me;
use crate::memory::Memory;

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Moves signing keys one step on: publishes the next one, or lets it sign and retires the old one
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    memory: Memory,
    /// File that holds the edge key; without it only the keys of runs are moved on
    #[arg(long, env = "CODEXK8S_EDGE_KEY_FILE", value_name = "FILE")]
    edge_key_file: Option<PathBuf>,
    /// The address whose keys are meant; all that there are, if none is named
    #[arg(long, value_name = "URL")]
    audience: Option<String>,
    /// Lets the next key sign although it was published only just now: for a key that leaked
    #[arg(long)]
    now: bool,
}

impl Keys {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Rotate(it) => it.run().await,
        }
    }
}

impl Rotate {
    async fn run(self) -> anyhow::Result<()> {
        self.memory.database.require_schema().await?;
        let master_key = MasterKey::read(&self.memory.master_key_file)?;
        let edge_key = self.edge_key_file.as_deref().map(EdgeKey::read).transpose()?;
        let orchestrator = self.memory.database.open(master_key, edge_key).await?;
        let mut audiences: Vec<_> = match self.audience {
            Some(audience) => vec![audience],
            None => {
                let keys = credential::signing_keys(&orchestrator).await?;
                keys.into_iter().map(|key| key.audience).collect()
            }
        };
        audiences.dedup();
        anyhow::ensure!(
            !audiences.is_empty(),
            "there are no signing keys; run `codex-k8s init` first"
        );
        for audience in audiences {
            let rotation = credential::rotate(&orchestrator, &me(), &audience, self.now).await?;
            println!("{audience}: {}", told(&rotation));
        }
        orchestrator.close().await;
        Ok(())
    }
}

fn told(rotation: &Rotation) -> String {
    match rotation {
        Rotation::Prepared { next, ready_at } => {
            format!("{next} is published and may sign from {ready_at} on; run this again then")
        }
        Rotation::TooYoung { next, ready_at } => {
            format!("nothing changed: {next} may sign from {ready_at} on; --now is for a key that leaked")
        }
        Rotation::Rotated {
            retired,
            current,
            next,
        } => format!(
            "{current} signs; {retired} verifies what it signed until that has expired; {next} is published as the next"
        ),
    }
}
