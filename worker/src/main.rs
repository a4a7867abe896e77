//! The program `worker`.

use clap::Parser;

/// Less memory stays behind a burst of work than with the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    worker::run(worker::Cli::parse()).await
}
