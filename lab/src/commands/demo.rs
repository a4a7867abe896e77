//! The main job, watched: a label, a run, a pull request.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use lab::{Client, DEMO_COMMAND, Endpoints, Lab};
use orchestrator::{Clock, Orchestrator, Settings};
use serde_json::{Value, json};

use super::{LabArgs, doctor};

/// A demo that takes longer has failed.
const PATIENCE: Duration = Duration::from_mins(5);

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
}

/// Exits with 0 only if the pull request holds the agent's commit.
pub(crate) fn demo(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if args.agent == Agent::Codex {
        install_codex()?;
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            if let Ok(endpoints) = Endpoints::read(&args.lab.dir)
                && is_up(&endpoints).await
            {
                return follow(&endpoints, args).await;
            }
            let missing = doctor::missing();
            if !missing.is_empty() {
                bail!("{}", missing.join("\n"));
            }
            println!(
                "no lab runs in {}; starting one for the demo",
                args.lab.dir.display()
            );
            let lab = Lab::start(args.lab.config()?).await?;
            let outcome = follow(&lab.endpoints, args).await;
            lab.stop().await?;
            outcome
        })
}

async fn is_up(endpoints: &Endpoints) -> bool {
    let Ok(client) = Client::new(endpoints, "viewer") else {
        return false;
    };
    client.call("principal_get", json!({})).await.is_ok()
}

fn install_codex() -> anyhow::Result<()> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/npm/codex"));
    if folder.join("node_modules/@openai/codex/package.json").is_file() {
        return Ok(());
    }
    println!("installing the Codex CLI with npm (once)");
    let status = std::process::Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .status()
        .context("cannot run npm; install Node.js with npm 9 or newer")?;
    anyhow::ensure!(status.success(), "npm could not install the Codex CLI; see above");
    Ok(())
}

async fn follow(endpoints: &Endpoints, args: &DemoArgs) -> anyhow::Result<ExitCode> {
    choose_agent(endpoints, args.agent).await?;
    let began = Instant::now();
    let client = Client::new(endpoints, "maintainer")?;
    let number = label_a_new_issue(&client, endpoints).await?;
    println!(
        "issue {}/{}/issues/{number} is labelled run:dev by mia",
        endpoints.github_url, endpoints.repository
    );
    let mut outcome = Outcome::default();
    let followed = tokio::time::timeout(PATIENCE, watch(&client, endpoints, number, &mut outcome)).await;
    outcome.seconds = began.elapsed().as_secs_f64();
    let good = matches!(followed, Ok(Ok(()))) && proven(&client, endpoints, &mut outcome).await;
    if let Some(file) = &args.json {
        std::fs::write(file, serde_json::to_string_pretty(&outcome)?)?;
    }
    if good {
        println!(
            "\n{} after {:.1} s",
            outcome.pr_url.as_deref().unwrap_or_default(),
            outcome.seconds
        );
        return Ok(ExitCode::SUCCESS);
    }
    match followed {
        Ok(Err(error)) => eprintln!("{error:#}"),
        Err(_) => eprintln!("no end after {} s", PATIENCE.as_secs()),
        Ok(Ok(())) => {}
    }
    explain(&client, &outcome, endpoints, number).await;
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
}

async fn choose_agent(endpoints: &Endpoints, agent: Agent) -> anyhow::Result<()> {
    let secrets = endpoints.master_key_file.parent().context("the lab's secrets")?;
    let settings = Settings::read(&secrets.join("database-url"), Some(&endpoints.master_key_file), 2)?;
    let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
    let project_id = endpoints.project_id.into();
    match agent {
        Agent::Command => lab::use_command(&orchestrator, project_id, DEMO_COMMAND).await?,
        Agent::Codex => lab::use_codex(&orchestrator, project_id, &endpoints.model).await?,
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
