use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use orchestrator::postgres::{self, Program, Roles};
use secrecy::ExposeSecret;

use crate::memory::DatabaseFile;

const ASK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    database: DatabaseFile,
    /// What the roles of the programs are called by: `PREFIX_gateway`, `PREFIX_mcp_server`, `PREFIX_worker`
    #[arg(long, env = "CODEXK8S_DATABASE_ROLE_PREFIX", default_value = postgres::DEFAULT_PREFIX)]
    role_prefix: String,
    /// Changes nothing; ends when the schema is the one of this version
    #[arg(long)]
    wait: bool,
    /// Longest wait
    #[arg(long, default_value_t = 1800, value_name = "SECONDS", requires = "wait")]
    wait_seconds: u64,
}

impl Migrate {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        if self.wait {
            return self.wait().await;
        }
        let url = self.database.url()?;
        let roles = Roles::new(&self.role_prefix)?;
        let before = postgres::inspect(url.expose_secret()).await?.pending;
        if before.is_empty() {
            println!("the schema is up to date");
        } else {
            postgres::migrate(url.expose_secret()).await?;
        }
        for migration in before {
            println!("applied {migration}");
        }
        // Each time: a role may have been made, or its rights changed, by hand.
        postgres::grant(url.expose_secret(), &roles).await?;
        let names = Program::ALL.iter().map(|program| roles.name(*program));
        println!(
            "rights of {}: as of this version",
            names.collect::<Vec<_>>().join(", ")
        );
        Ok(())
    }

    /// A database that is away, or not yet there, may come.
    async fn wait(&self) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(self.wait_seconds);
        let url = self.database.url()?;
        let mut said = String::new();
        loop {
            let missing = match postgres::inspect(url.expose_secret()).await {
                Ok(inspection) if inspection.pending.is_empty() => return Ok(()),
                Ok(inspection) => format!("{} migrations are not applied yet", inspection.pending.len()),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= end {
                bail!(
                    "the schema did not come within {} seconds: {missing}",
                    self.wait_seconds
                );
            }
            if missing != said {
                eprintln!("waiting: {missing}");
                said = missing;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}
