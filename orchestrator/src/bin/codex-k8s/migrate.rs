use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use orchestrator::postgres;
use secrecy::ExposeSecret;

use crate::memory::DatabaseFile;

const ASK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    database: DatabaseFile,
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
        let before = postgres::inspect(url.expose_secret()).await?.pending;
        if before.is_empty() {
            println!("the schema is up to date");
            return Ok(());
        }
        postgres::migrate(url.expose_secret()).await?;
        for migration in before {
            println!("applied {migration}");
        }
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
