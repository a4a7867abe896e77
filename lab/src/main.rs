//! The lab's command line.

mod commands;

use clap::{Parser, Subcommand};
use commands::{LabArgs, bench, demo, program, up};

/// The whole platform on this machine, for development.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything and stay in the foreground
    Up(LabArgs),
    /// Stop a lab that runs elsewhere
    Down(LabArgs),
    /// Stop the lab and forget everything it keeps
    Reset(LabArgs),
    /// Show the log of the lab that runs in this folder
    Logs(LabArgs),
    /// Label an issue and follow its run to the pull request
    Demo(demo::DemoArgs),
    /// Measure the platform against a peer and the machine's limits, and write docs/benchmarks.md
    Bench(bench::BenchArgs),
    /// Answer calls and do nothing for them: what the bench measures others against
    #[command(hide = true)]
    BareServer(bench::tools::bare::BareArgs),
    /// Check what the lab needs, one fix a line
    Doctor,
    /// Run one of the platform's programs: what the lab starts as children
    #[command(hide = true)]
    Program(program::ProgramArgs),
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    // A container begins as this program: before any thread, and before any argument is read.
    cluster_sim::launcher_main();
    // Git calls the worker for a password, and that is this program.
    if let Some(answered) = safe_git::askpass::answer_if_asked() {
        return Ok(answered.map(|()| std::process::ExitCode::SUCCESS)?);
    }
    match Cli::parse().command {
        Command::Up(args) => up::up(&args),
        Command::Down(args) => up::down(&args),
        Command::Reset(args) => up::reset(&args),
        Command::Logs(args) => up::logs(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Bench(args) => bench::bench(&args),
        Command::BareServer(args) => bench::tools::bare::serve(&args),
        Command::Doctor => Ok(commands::doctor::doctor()),
        Command::Program(args) => program::run(args),
    }
}
