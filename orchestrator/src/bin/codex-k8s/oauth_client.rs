use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use orchestrator::identity::oauth::{self, NewClient};
use secrecy::SecretString;

use crate::me;
use crate::memory::Memory;

/// Bytes of a client's secret that are read.
const MAX_SECRET_BYTES: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum OauthClient {
    /// Makes an MCP client known, for those that neither publish a description nor register themselves
    Add(Add),
    /// Lists the clients that are known, and how they came to be
    List(List),
    /// Ends a client with all that people granted it
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    memory: Memory,
    /// What the client calls itself at the sign-in
    client_id: String,
    /// What people are shown
    #[arg(long)]
    name: Option<String>,
    /// Where browsers may be sent back to; of an address on the person's own machine any port will do
    #[arg(long = "redirect-uri", value_name = "URI", required = true)]
    redirect_uris: Vec<String>,
    /// File that holds the client's secret, `-` for standard input; a client on a person's machine can keep none
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    memory: Memory,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    memory: Memory,
    client_id: String,
}

impl OauthClient {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(it) => it.run().await,
            Self::List(it) => it.run().await,
            Self::Remove(it) => it.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let secret = self.secret_file.as_deref().map(read_secret).transpose()?;
        let orchestrator = self.memory.open().await?;
        let wanted = NewClient {
            name: self.name,
            redirect_uris: self.redirect_uris,
        };
        oauth::add_client(&orchestrator, &me(), &self.client_id, wanted, secret.as_ref()).await?;
        println!("client {}: made", self.client_id);
        orchestrator.close().await;
        Ok(())
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        for client in oauth::list_clients(&orchestrator).await? {
            let used = client
                .used_at
                .map_or_else(|| "never used".to_owned(), |at| format!("used {at}"));
            let secret = if client.has_secret { ", with a secret" } else { "" };
            let (id, kind, uris) = (&client.client_id, client.kind, client.redirect_uris.join(" "));
            println!("{id}  {kind}{secret}, {used}  {uris}");
        }
        orchestrator.close().await;
        Ok(())
    }
}

impl Remove {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let was_there = oauth::remove_client(&orchestrator, &me(), &self.client_id).await?;
        orchestrator.close().await;
        anyhow::ensure!(was_there, "there is no client {}", self.client_id);
        println!(
            "client {}: removed, with all that was granted to it",
            self.client_id
        );
        Ok(())
    }
}

/// A secret never comes as an argument: others on the machine read those.
fn read_secret(file: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin()
            .take(MAX_SECRET_BYTES)
            .read_to_string(&mut text)?;
    } else {
        let opened = std::fs::File::open(file);
        let opened =
            opened.with_context(|| format!("cannot read the client's secret from {}", file.display()))?;
        opened.take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
    }
    Ok(text.trim().into())
}
