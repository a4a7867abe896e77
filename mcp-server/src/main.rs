//! The program `mcp-server`.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    mcp_server::run(mcp_server::Cli::parse()).await
}
