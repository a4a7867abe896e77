use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use orchestrator::credential::{self, EdgeKey, MasterKey, Rotation};

use crate::init::write_new;
use crate::me;
use crate::memory::Memory;

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Moves signing keys one step on: publishes the next one, or lets it sign and retires the old one
    Rotate(Rotate),
    /// Puts a new key in front of those of a key file: it seals from then on, the others still open
    Add(Add),
    /// Seals anew what an older key of a key file seals; workers do it too, within an hour
    Reseal(Reseal),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The key file; the new one is written beside it, with `.next` at its end
    file: PathBuf,
    /// Keeps the newest key alone: once nothing is sealed under another
    #[arg(long)]
    drop_older: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reseal {
    #[command(flatten)]
    memory: Memory,
    /// File that holds the edge key; without it only what the master key seals is sealed anew
    #[arg(long, env = "CODEXK8S_EDGE_KEY_FILE", value_name = "FILE")]
    edge_key_file: Option<PathBuf>,
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
            Self::Add(it) => it.run(),
            Self::Reseal(it) => it.run().await,
        }
    }
}

impl Add {
    /// The file itself is mounted in places; who replaces it there decides when.
    fn run(&self) -> anyhow::Result<()> {
        let key = MasterKey::read(&self.file)?;
        let next = if self.drop_older {
            key.without_older()
        } else {
            key.rotated()
        };
        let mut path = self.file.clone().into_os_string();
        path.push(".next");
        let path = Path::new(&path);
        write_new(path, &next.encode())?;
        println!(
            "{}: written; put it in the place of {}",
            path.display(),
            self.file.display()
        );
        Ok(())
    }
}

impl Reseal {
    async fn run(self) -> anyhow::Result<()> {
        self.memory.database.require_schema().await?;
        let master_key = MasterKey::read(&self.memory.master_key_file)?;
        let edge_key = self.edge_key_file.as_deref().map(EdgeKey::read).transpose()?;
        let orchestrator = self.memory.database.open(master_key, edge_key).await?;
        let count = credential::secret::reseal(&orchestrator).await?;
        println!("{count} sealed anew; everything is sealed under the first key of its file now");
        orchestrator.close().await;
        Ok(())
    }
}

impl Rotate {
    async fn run(self) -> anyhow::Result<()> {
        self.memory.database.require_schema().await?;
        let master_key = MasterKey::read(&self.memory.master_key_file)?;
        let edge_key = self.edge_key_file.as_deref().map(EdgeKey::read).transpose()?;
        let orchestrator = self.memory.database.open(master_key, edge_key).await?;
        let mut audiences: Vec<_> = if let Some(audience) = self.audience {
            vec![audience]
        } else {
            let keys = credential::signing_keys(&orchestrator).await?;
            keys.into_iter().map(|key| key.audience).collect()
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
