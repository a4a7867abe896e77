//! The program `worker`.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    worker::run(worker::Cli::parse()).await
}
