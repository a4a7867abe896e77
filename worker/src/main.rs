//! The program `worker`.

use clap::Parser;

/// Less memory stays behind a burst of work than with the system's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() -> anyhow::Result<()> {
    // Git calls this program for a password, with its question as the only argument.
    if let Some(answered) = safe_git::askpass::answer_if_asked() {
        return Ok(answered?);
    }
    work()
}

#[tokio::main]
async fn work() -> anyhow::Result<()> {
    worker::run(worker::Cli::parse()).await
}
