use clap::{Args, Subcommand};
use orchestrator::identity::login;
use secrecy::ExposeSecret;

use crate::me;
use crate::memory::Memory;

#[derive(Debug, Subcommand)]
pub(crate) enum Owner {
    /// Prints a code with which an owner signs in once, within ten minutes, although GitHub is down; loud in the audit
    BreakGlass(BreakGlass),
}

#[derive(Debug, Args)]
pub(crate) struct BreakGlass {
    #[command(flatten)]
    memory: Memory,
    /// The person's numeric id at GitHub; it becomes an owner if it is none
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    github_id: i64,
    /// The person's login at GitHub
    #[arg(long)]
    login: String,
}

impl Owner {
    /// Prints the code and nothing else on standard output: only its hash is kept.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self::BreakGlass(ask) = self;
        let orchestrator = ask.memory.open().await?;
        let code = login::issue_break_glass(&orchestrator, &me(), ask.github_id, &ask.login).await?;
        orchestrator.close().await;
        eprintln!(
            "for {}, once, within ten minutes, at /login/break-glass",
            ask.login
        );
        println!("{}", code.expose_secret());
        Ok(())
    }
}
