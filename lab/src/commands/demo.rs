//! The main job, watched: a label, a run, a pull request.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};
use lab::{Cli, Client, DEMO_COMMAND, Endpoints, Lab, Lock, Settings};
use orchestrator::{Clock, Orchestrator};
use serde_json::{Value, json};

use super::{LabArgs, doctor, log, up};

/// A demo that takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long a lab that another terminal started may take until it is there.
const STARTING: Duration = Duration::from_mins(1);

#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    lab: LabArgs,
    /// Who works
    #[arg(long, env = "AGENT", value_enum, default_value = "command")]
    agent: Agent,
    /// File to write the outcome to, as JSON
    #[arg(long, env = "DEMO_JSON")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Agent {
    /// A shell script
    Command,
    /// The real Codex CLI, from npm
    Codex,
    /// The real Claude Code CLI, from npm
    Claude,
}

impl Agent {
    fn cli(self) -> Option<Cli> {
        match self {
            Self::Command => None,
            Self::Codex => Some(lab::CODEX),
            Self::Claude => Some(lab::CLAUDE),
        }
    }
}

/// Exits with 0 only if the pull request holds the agent's commit. However it ends, `DEMO_JSON` says how.
pub(crate) fn demo(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut outcome = Outcome::default();
    let ended = show(args, &mut outcome);
    if let Err(error) = &ended {
        outcome.error = Some(format!("{error:#}"));
    }
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&outcome)?;
        std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    ended
}

fn show(args: &DemoArgs, outcome: &mut Outcome) -> anyhow::Result<ExitCode> {
    let runs = Lock::holder(&args.lab.dir).is_some();
    if !runs {
        let missing = doctor::missing();
        anyhow::ensure!(missing.is_empty(), "{}", missing.join("\n"));
        log::init(&args.lab.dir)?;
    }
    if let Some(cli) = args.agent.cli() {
        cli.install(&std::path::absolute(&args.lab.dir)?)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if runs {
            let endpoints = of_the_running(&args.lab.dir).await?;
            refuse_other_settings(&args.lab, &endpoints.settings)?;
            return follow(&endpoints, args.agent, outcome).await;
        }
        println!(
            "no lab runs in {}; starting one for the demo",
            args.lab.dir.display()
        );
        let began = Instant::now();
        let lab = Lab::start(args.lab.config()?).await?;
        println!("{}", up::notice(&lab.endpoints, &args.lab.dir, began.elapsed()));
        let followed = follow(&lab.endpoints, args.agent, outcome).await;
        lab.stop().await?;
        followed
    })
}

/// Where the lab of another terminal is; it may have begun to start a moment ago.
async fn of_the_running(dir: &Path) -> anyhow::Result<Endpoints> {
    let until = Instant::now() + STARTING;
    while !Endpoints::file(dir).exists() && Lock::holder(dir).is_some() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Endpoints::read(dir)
}

/// A lab that runs was set up when it was started: what it cannot do is said, not left out.
fn refuse_other_settings(asked: &LabArgs, runs: &Settings) -> anyhow::Result<()> {
    let config = asked.config()?;
    let mut other = Vec::new();
    if config.replicas.is_some() && config.replicas != runs.replicas {
        other.push("LAB_SPLIT and LAB_REPLICAS");
    }
    if let Some(model) = &config.model
        && (runs.model_url.as_ref() != Some(&model.url)
            || runs.model_key_file.as_ref() != Some(&model.key_file))
    {
        other.push("MODEL_URL and MODEL_KEY_FILE");
    }
    anyhow::ensure!(
        other.is_empty(),
        "the lab that runs in {} was started without your {}: stop it with `make down` and start it with them",
        asked.dir.display(),
        other.join(", ")
    );
    Ok(())
}

async fn follow(endpoints: &Endpoints, agent: Agent, outcome: &mut Outcome) -> anyhow::Result<ExitCode> {
    choose_agent(endpoints, agent).await?;
    let began = Instant::now();
    let client = Client::new(endpoints, "maintainer")?;
    let number = label_a_new_issue(&client, endpoints).await?;
    println!(
        "issue {}/{}/issues/{number} is labelled run:dev by mia",
        endpoints.github_url, endpoints.repository
    );
    let followed = tokio::time::timeout(PATIENCE, watch(&client, endpoints, number, outcome)).await;
    outcome.seconds = began.elapsed().as_secs_f64();
    let why = match followed {
        Ok(Ok(())) if proven(&client, endpoints, outcome).await => None,
        Ok(Ok(())) => Some("the pull request does not hold the agent's commit".to_owned()),
        Ok(Err(error)) => Some(format!("{error:#}")),
        Err(_) => Some(format!("no end after {} s", PATIENCE.as_secs())),
    };
    let Some(why) = why else {
        println!(
            "\n{} after {:.1} s",
            outcome.pr_url.as_deref().unwrap_or_default(),
            outcome.seconds
        );
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("{why}");
    outcome.error = Some(why);
    explain(&client, outcome, endpoints, number).await;
    Ok(ExitCode::FAILURE)
}

/// What `DEMO_JSON` holds.
#[derive(Debug, Default, serde::Serialize)]
struct Outcome {
    run_id: Option<String>,
    state: Option<String>,
    pr_url: Option<String>,
    pr_number: Option<i64>,
    branch: Option<String>,
    head_sha: Option<String>,
    seconds: f64,
    events: Vec<Value>,
    /// Why there is no proven pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

async fn choose_agent(endpoints: &Endpoints, agent: Agent) -> anyhow::Result<()> {
    let secrets = endpoints.master_key_file.parent().context("the lab's secrets")?;
    let settings =
        orchestrator::Settings::read(&secrets.join("database-url"), Some(&endpoints.master_key_file), 2)?;
    let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
    let project_id = endpoints.project_id.into();
    match agent {
        Agent::Command => lab::use_command(&orchestrator, project_id, DEMO_COMMAND).await?,
        Agent::Codex => lab::use_codex(&orchestrator, project_id, &endpoints.model).await?,
        Agent::Claude => lab::use_claude(&orchestrator, project_id, &endpoints.claude_model).await?,
    }
    orchestrator.close().await;
    Ok(())
}

/// A fresh issue each time, so that the demo can be repeated.
async fn label_a_new_issue(client: &Client, endpoints: &Endpoints) -> anyhow::Result<i64> {
    let issues = format!("/repos/{}/issues", endpoints.repository);
    let body = json!({
        "title": "Greet the reader",
        "body": "Add a section \"Greeting\" to the README that greets whoever reads it.\n",
    });
    let issue = client.github("mia", "POST", &issues, Some(body)).await?;
    let number = issue["number"].as_i64().context("the new issue's number")?;
    let labels = format!("{issues}/{number}/labels");
    client
        .github("mia", "POST", &labels, Some(json!({ "labels": ["run:dev"] })))
        .await?;
    Ok(number)
}

async fn watch(
    client: &Client,
    endpoints: &Endpoints,
    number: i64,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let run_id = loop {
        let ask = json!({ "repository_id": endpoints.repository_id, "number": number });
        let runs = client.call("run_list", ask).await?;
        if let Some(run_id) = runs["runs"][0]["run_id"].as_str() {
            break run_id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    println!("run {run_id}");
    outcome.run_id = Some(run_id.clone());
    let mut after = 0;
    loop {
        let ask = json!({ "run_id": run_id, "after": after, "wait_ms": 20_000 });
        let page = client.call("run_event_list", ask).await?;
        for event in page["events"].as_array().into_iter().flatten() {
            after = event["seq"].as_i64().unwrap_or(after);
            println!(
                "  {:>6.1} s  {}",
                seconds_since_first(outcome, event),
                line(event)
            );
            outcome.events.push(event.clone());
        }
        let run = client.call("run_get", json!({ "run_id": run_id })).await?;
        let run = if run["run"].is_object() { &run["run"] } else { &run };
        let state = run["state"].as_str().unwrap_or_default().to_owned();
        let over = ["succeeded", "failed", "timed_out", "cancelled"].contains(&state.as_str());
        outcome.state = Some(state.clone());
        if over && after > 0 && page["events"].as_array().is_none_or(Vec::is_empty)
            || over && ended(outcome, &state)
        {
            outcome.pr_url = run["pull_request_url"].as_str().map(str::to_owned);
            outcome.pr_number = run["pull_request_number"].as_i64();
            outcome.branch = run["branch"].as_str().map(str::to_owned);
            outcome.head_sha = run["head_sha"].as_str().map(str::to_owned);
            anyhow::ensure!(state == "succeeded", "the run ended as {state}");
            return Ok(());
        }
    }
}

fn ended(outcome: &Outcome, state: &str) -> bool {
    outcome.events.last().is_some_and(|event| event["kind"] == state)
}

fn seconds_since_first(outcome: &Outcome, event: &Value) -> f64 {
    let at = |event: &Value| {
        event["at"]
            .as_str()
            .and_then(|at| at.parse::<jiff::Timestamp>().ok())
    };
    let first = outcome.events.first().unwrap_or(event);
    match (at(first), at(event)) {
        (Some(first), Some(now)) => now.duration_since(first).as_secs_f64(),
        _ => 0.0,
    }
}

fn line(event: &Value) -> String {
    let detail = &event["detail"];
    let text = ["text", "why", "reason", "detail"]
        .iter()
        .find_map(|key| detail[key].as_str());
    let kind = event["kind"].as_str().unwrap_or_default();
    text.map_or_else(|| kind.to_owned(), |text| format!("{kind}: {text}"))
}

/// The pull request is looked at where it is: at GitHub.
async fn proven(client: &Client, endpoints: &Endpoints, outcome: &mut Outcome) -> bool {
    let Some(number) = outcome.pr_number else {
        return false;
    };
    let path = format!("/repos/{}/pulls/{number}", endpoints.repository);
    let Ok(pull) = client.github("mia", "GET", &path, None).await else {
        return false;
    };
    let head = pull["head"]["sha"].as_str().map(str::to_owned);
    let Ok(files) = client.github("mia", "GET", &format!("{path}/files"), None).await else {
        return false;
    };
    let files = files.as_array().cloned().unwrap_or_default();
    println!(
        "\npull request #{number}: {}",
        pull["title"].as_str().unwrap_or_default()
    );
    for file in &files {
        println!("--- {}", file["filename"].as_str().unwrap_or_default());
        println!("{}", file["patch"].as_str().unwrap_or_default());
    }
    head.is_some() && head == outcome.head_sha && !files.is_empty()
}

async fn explain(client: &Client, outcome: &Outcome, endpoints: &Endpoints, number: i64) {
    let explained = if let Some(run_id) = &outcome.run_id {
        client.call("run_explain", json!({ "run_id": run_id })).await
    } else {
        eprintln!(
            "no run was made for {} #{number}; what became of its deliveries:",
            endpoints.repository
        );
        client.call("delivery_list", json!({ "limit": 5 })).await
    };
    match explained {
        Ok(answer) => eprintln!("{}", serde_json::to_string_pretty(&answer).unwrap_or_default()),
        Err(error) => eprintln!("{error:#}"),
    }
}
