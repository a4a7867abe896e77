//! What the platform costs, against a peer and against what the machine could do at best, in the same run.

mod by_hand;
mod cluster;
mod database;
mod document;
mod ingestion;
mod limits;
mod load;
mod machine;
mod npm;
mod paused;
mod payload;
mod peer;
mod process;
mod ratio;
mod results;
mod search;
mod spread;
mod starts;
pub(crate) mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use lab::{Lab, LabConfig, Program};
use orchestrator::Clock;
use telemetry::Shutdown;

use self::database::{BESIDE, PLATFORM, Server};
use self::ingestion::{Field, rss_mib};
use self::machine::Machine;
use self::paused::Paused;
use self::payload::Payload;
use self::peer::Peer;
use self::results::{Ingestion, Memory, Processing, Results, Starts, Tools};
use super::doctor;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// After the start, until memory is at rest.
const SETTLE: Duration = Duration::from_secs(5);
/// However slow the machine is, the bench ends.
const LONGEST: Duration = Duration::from_mins(30);

/// Vectors that nobody has made take their time.
const LONGEST_SEARCH: Duration = Duration::from_hours(4);

#[derive(Args, Clone, Debug)]
pub(crate) struct BenchArgs {
    /// Rounds for each receiver of webhooks and each body
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of a round
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Runs from label to pull request
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Passages of the search
    #[arg(long, default_value_t = 100_000)]
    passages: usize,
    /// Only this part; the others stay as they were measured
    #[arg(long)]
    only: Option<Part>,
    /// Only write docs/benchmarks.md anew from the results that are there
    #[arg(long)]
    render: bool,
}

/// A part of the bench that can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Tools,
    Search,
}

pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let results = results_file();
    if !args.render {
        let missing = doctor::missing();
        anyhow::ensure!(missing.is_empty(), "{}", missing.join("\n"));
        let longest = match args.only {
            Some(Part::Search) => LONGEST_SEARCH,
            _ => LONGEST,
        };
        let measured = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(async {
                let shutdown = Shutdown::on_signals()?;
                tokio::select! {
                    measured = tokio::time::timeout(longest, measure(args)) => {
                        measured.with_context(|| format!("not done within {} s", longest.as_secs()))?
                    }
                    () = shutdown.begun() => anyhow::bail!("told to end"),
                }
            })?;
        std::fs::create_dir_all(results.parent().context("the results' folder")?)?;
        std::fs::write(&results, serde_json::to_string_pretty(&measured)? + "\n")?;
    }
    let text = std::fs::read_to_string(&results)
        .with_context(|| format!("{} is not there; run `make bench`", results.display()))?;
    let document = Path::new(ROOT).join("docs/benchmarks.md");
    std::fs::write(&document, document::render(&serde_json::from_str(&text)?))?;
    println!("wrote docs/benchmarks.md and target/bench/results.json");
    Ok(ExitCode::SUCCESS)
}

async fn measure(args: &BenchArgs) -> anyhow::Result<Results> {
    if args.only == Some(Part::Search) {
        return search_alone(args).await;
    }
    let load_before = machine::load()?;
    let dir = scratch()?;
    eprintln!("starting a lab for the bench");
    let server = Server::start(&dir).await?;
    let machine = Machine::look(&server, load_before).await?;
    let lab = Lab::start(config(&dir, &server)?).await?;
    let measured = match args.only {
        Some(_) => tools_alone(args, &server, &lab).await,
        None => with_lab(args, &dir, &server, &lab).await,
    };
    lab.stop().await?;
    server.stop().await?;
    let _ = std::fs::remove_dir_all(&dir);
    let measured = measured?;
    let mut results = Results {
        measured_at: Clock::default().now(),
        machine,
        tools: Some(measured.tools),
        ingestion: measured.ingestion,
        processing: measured.processing,
        starts: measured.starts,
        memory: measured.memory,
        search: None,
        ratios: Vec::new(),
    };
    if let Some(before) = before()? {
        results.search = before.search;
        if args.only.is_some() {
            results.ingestion = before.ingestion;
            results.processing = before.processing;
            results.starts = before.starts;
            results.memory.extend(before.memory.into_iter().skip(1));
        }
    }
    results.ratios = ratio::of(&results);
    Ok(results)
}

/// The results that are there.
fn before() -> anyhow::Result<Option<Results>> {
    match std::fs::read_to_string(results_file()) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).context("the results before")?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Needs no program of the platform, only its database.
async fn search_alone(args: &BenchArgs) -> anyhow::Result<Results> {
    // A lab would have done so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let load_before = machine::load()?;
    let dir = scratch()?;
    let server = Server::start(&dir).await?;
    let machine = Machine::look(&server, load_before).await?;
    let kept = results_file().with_file_name("");
    let rounds = (args.rounds.max(1), Duration::from_secs(args.seconds.max(1)));
    let measured = search::measure(&server, &kept, args.passages, rounds).await;
    server.stop().await?;
    let _ = std::fs::remove_dir_all(&dir);
    let nothing = || Results::nothing(Clock::default().now(), machine);
    let mut results = before()?.unwrap_or_else(nothing);
    results.search = Some(measured?);
    results.ratios = ratio::of(&results);
    Ok(results)
}

/// What one bench measures.
struct Measured {
    tools: Tools,
    ingestion: Vec<Ingestion>,
    processing: Option<Processing>,
    starts: Option<Starts>,
    memory: Vec<Memory>,
}

fn results_file() -> PathBuf {
    Path::new(ROOT).join("target/bench/results.json")
}

async fn tools_alone(args: &BenchArgs, server: &Server, lab: &Lab) -> anyhow::Result<Measured> {
    tokio::time::sleep(SETTLE).await;
    let memory = vec![memory_of(lab, "idle, after the start")?];
    Ok(Measured {
        tools: calls(args, server, lab).await?,
        ingestion: Vec::new(),
        processing: None,
        starts: None,
        memory,
    })
}

async fn calls(args: &BenchArgs, server: &Server, lab: &Lab) -> anyhow::Result<Tools> {
    eprintln!("calls of a tool");
    let paused = Paused::workers(lab)?;
    let round = Duration::from_secs(args.seconds.max(1));
    let measured = tools::measure(lab, server, &tools::kept(), (args.rounds.max(1), round)).await;
    drop(paused);
    measured
}

/// Idle first, then runs, then calls, then floods: what each leaves behind disturbs only the next.
async fn with_lab(args: &BenchArgs, dir: &Path, server: &Server, lab: &Lab) -> anyhow::Result<Measured> {
    tokio::time::sleep(SETTLE).await;
    let mut memory = vec![memory_of(lab, "idle, after the start")?];
    eprintln!("from label to agent");
    let starts = starts::measure(lab, args.runs).await?;
    memory.push(memory_of(lab, "after the runs")?);
    let tools = calls(args, server, lab).await?;
    memory.push(memory_of(lab, "after the calls of a tool")?);
    eprintln!("webhooks");
    let secret_file = dir.join("lab/secrets/webhook-secret");
    let in_memory = Peer::start(&secret_file, None).await?;
    let durable = Peer::start(&secret_file, Some(&server.url(BESIDE))).await?;
    let field = Field {
        lab,
        server,
        in_memory: &in_memory,
        durable: &durable,
        scratch: dir.to_owned(),
        rounds: args.rounds.max(1),
        round: Duration::from_secs(args.seconds.max(1)),
    };
    let [small, big] = Payload::both(&lab.endpoints.webhook_secret)?;
    let paused = Paused::workers(lab)?;
    let mut ingestion = vec![field.receive(&small).await?];
    drop(paused);
    eprintln!("  the worker at its work");
    let processing = field.process().await?;
    memory.push(memory_of(lab, "after the small webhooks, the worker at work")?);
    let paused = Paused::workers(lab)?;
    ingestion.push(field.receive(&big).await?);
    memory.push(memory_of(lab, "after the big webhooks")?);
    drop(paused);
    in_memory.stop().await?;
    durable.stop().await?;
    Ok(Measured {
        tools,
        ingestion,
        processing: Some(processing),
        starts: Some(starts),
        memory,
    })
}

/// A folder that nothing else uses; one that a killed bench left behind is forgotten.
fn scratch() -> anyhow::Result<PathBuf> {
    let dir = std::path::absolute(Path::new(ROOT).join("target/bench/lab"))?;
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    Ok(dir)
}

/// The programs as children, so that each can be looked at alone, and as they are deployed.
fn config(dir: &Path, server: &Server) -> anyhow::Result<LabConfig> {
    let lab_program = std::env::current_exe().context("where this program is")?;
    let runner_program = lab_program.with_file_name("lab-runner");
    let deployed = [Program::Gateway, Program::McpServer, Program::Worker]
        .map(|program| lab_program.with_file_name(program.as_str()));
    for program in deployed.iter().chain([&runner_program]) {
        anyhow::ensure!(
            program.is_file(),
            "{} is not there; `make bench` builds it",
            program.display()
        );
    }
    Ok(LabConfig {
        dir: dir.join("lab"),
        port: 0,
        database_url: Some(server.url(PLATFORM).into()),
        replicas: Some(1),
        model: None,
        unsafe_without_isolation: false,
        throw_away: true,
        console: None,
        fault_file: None,
        programs: lab_program.parent().map(Path::to_owned),
        // The bench is one caller, and asks as fast as it is answered.
        calls_per_second: Some(1_000_000),
        log_file: None,
        local_embedder: false,
        lab_program,
        runner_program,
    })
}

fn memory_of(lab: &Lab, when: &str) -> anyhow::Result<Memory> {
    let of = |program: Program| {
        let pid = lab.pids(program).first().copied();
        rss_mib(pid.with_context(|| format!("the {} has ended", program.as_str()))?)
    };
    Ok(Memory {
        when: when.to_owned(),
        gateway_mib: of(Program::Gateway)?,
        mcp_server_mib: of(Program::McpServer)?,
        worker_mib: of(Program::Worker)?,
    })
}
