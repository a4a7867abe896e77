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
    /// Runs a command with `TEST_DATABASE_URL` naming a throw-away PostgreSQL
    WithPostgres(WithPostgres),
    /// Writes `.sqlx`, the descriptions of all queries, from a database with the schema; or compares
    Prepare(prepare::Prepare),
}

#[derive(Args)]
struct WithPostgres {
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::WithPostgres(WithPostgres { command }) => {
            let server = postgres::Server::start()?;
            let environment = [("TEST_DATABASE_URL", server.url("postgres"))];
            postgres::run(&command, &environment).await
        }
        Command::Prepare(prepare) => prepare.run().await,
    }
}
