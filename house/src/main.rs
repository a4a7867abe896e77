//! What the gate needs to run: a throw-away PostgreSQL, and the descriptions of all queries.
//!
//! It knows neither the domain nor sqlx, so that it builds while the descriptions are out of date.

mod descriptions;
mod postgres;
mod prepare;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a command with `TEST_DATABASE_URL` naming a PostgreSQL: the one that is given, else a throw-away one
    WithPostgres(WithPostgres),
    /// Writes `.sqlx`, the descriptions of all queries, from a database with the schema; or compares
    Prepare(prepare::Prepare),
}

#[derive(Args)]
struct WithPostgres {
    /// A server for the tests, whose user may create databases
    #[arg(long, env = "TEST_DATABASE_URL", hide_env_values = true)]
    test_database_url: Option<String>,
    /// As the other, if that is not given
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::WithPostgres(it) => it.run().await,
        Command::Prepare(prepare) => prepare.run().await,
    }
}

impl WithPostgres {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let given = [self.test_database_url, self.database_url];
        let given = given.into_iter().flatten().find(|url| !url.is_empty());
        let (_server, url) = if let Some(url) = given {
            (None, url)
        } else {
            let server = postgres::Server::start()?;
            let url = server.url("postgres");
            (Some(server), url)
        };
        postgres::run(&self.command, &[("TEST_DATABASE_URL", url)]).await
    }
}
