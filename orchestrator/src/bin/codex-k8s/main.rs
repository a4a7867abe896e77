//! The command line of an installation: its schema, its keys, its first people and projects, and what is wrong with it.

mod agent;
mod audit;
mod catalogue;
mod doctor;
mod init;
mod keys;
mod memory;
mod migrate;
mod oauth_client;
mod owner;
mod probe;
mod project;
mod render;
mod rule;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use orchestrator::Actor;

/// Runs an installation of codex-k8s. Whoever may read its database and master key may do everything here.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Brings the schema up to date, or waits until somebody did
    Migrate(migrate::Migrate),
    /// Makes what a new installation needs: key files, signing keys, first owner, agent profiles
    Init(init::Init),
    /// Makes a project, or binds a repository or a member to one
    #[command(subcommand)]
    Project(project::Project),
    /// Adds a model to the catalogue, or gives it another address or price
    Model(catalogue::AddModel),
    /// Says which program works on a stage, with which model, or prints it
    #[command(subcommand)]
    Agent(agent::Agent),
    /// Lets an owner in when GitHub is down
    #[command(subcommand)]
    Owner(owner::Owner),
    /// Says which role members of an organisation or team get
    #[command(subcommand)]
    Rule(rule::Rule),
    /// Prints a new service token of a project, for an IDE or a script
    Token(token::IssueToken),
    /// Changes what tokens are signed with, while the old ones still count
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Makes MCP clients known that people may let in
    #[command(subcommand)]
    OauthClient(oauth_client::OauthClient),
    /// Keeps and proves the record of who did what
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Prints who may do what: the table of docs/access.md
    Access,
    /// Prints the manifests of the platform itself, in the order of deploying
    Render(render::Render),
    /// Checks an installation and says how to mend it
    Doctor(doctor::Doctor),
}

/// Who acts, in the audit.
fn me() -> Actor {
    Actor::System("codex-k8s")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(std::io::stderr)
        .init();
    let done = match Cli::parse().command {
        Command::Migrate(it) => it.run().await,
        Command::Init(it) => it.run().await,
        Command::Project(it) => it.run().await,
        Command::Model(it) => it.run().await,
        Command::Agent(it) => it.run().await,
        Command::Owner(it) => it.run().await,
        Command::Rule(it) => it.run().await,
        Command::Token(it) => it.run().await,
        Command::Keys(it) => it.run().await,
        Command::OauthClient(it) => it.run().await,
        Command::Audit(it) => it.run().await,
        Command::Access => {
            print!("{}", orchestrator::project::access::document());
            Ok(())
        }
        Command::Render(it) => it.run(),
        Command::Doctor(it) => return it.run().await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("codex-k8s: {error:#}");
            ExitCode::FAILURE
        }
    }
}
