//! The program `gateway`.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    gateway::run(gateway::Cli::parse()).await
}
