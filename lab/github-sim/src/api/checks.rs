use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::need;
use super::repositories::{get_commit, resolve};
use crate::http::{Answer, Call, Problem, Reply, Route, later, now};
use crate::world::{CheckRun, Status, World};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(
            "POST",
            "/repos/{owner}/{repo}/check-runs",
            need::CHECKS_WRITE,
            create,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/check-runs/{check_run_id}",
            need::CHECKS_READ,
            get,
        ),
        now(
            "PATCH",
            "/repos/{owner}/{repo}/check-runs/{check_run_id}",
            need::CHECKS_WRITE,
            update,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}/check-runs",
            need::CHECKS_READ,
            of_commit,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}/status",
            need::STATUSES_READ,
            combined,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/commits/{ref}/statuses",
            need::STATUSES_READ,
            statuses,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/statuses/{sha}",
            need::STATUSES_WRITE,
            create_status,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/commits/{ref...}",
            need::CONTENTS_READ,
            get_commit,
        ),
    ]
}

#[derive(Deserialize)]
struct RunInput {
    name: Option<String>,
    head_sha: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    details_url: Option<String>,
    external_id: Option<String>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    output: Option<OutputInput>,
}

#[derive(Deserialize)]
struct OutputInput {
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
}

/// Writes what the input says over a check run; a conclusion completes it.
fn apply(run: &mut CheckRun, input: RunInput, now: Timestamp) {
    let keep = |new: Option<String>, old: &mut Option<String>| *old = new.or_else(|| old.take());
    if let Some(name) = input.name {
        run.name = name;
    }
    if let Some(status) = input.status {
        run.status = status;
    }
    keep(input.conclusion, &mut run.conclusion);
    keep(input.details_url, &mut run.details_url);
    keep(input.external_id, &mut run.external_id);
    if let Some(output) = input.output {
        keep(output.title, &mut run.title);
        keep(output.summary, &mut run.summary);
        keep(output.text, &mut run.text);
    }
    run.started_at = input.started_at.or(run.started_at);
    run.completed_at = input.completed_at.or(run.completed_at);
    if run.conclusion.is_some() {
        "completed".clone_into(&mut run.status);
        run.completed_at = run.completed_at.or(Some(now));
    }
}

fn show(call: &Call, world: &World, id: u64) -> Result<Value, Problem> {
    let about = world.repository(call.repository)?;
    let run = about
        .check_runs
        .iter()
        .find(|run| run.id == id)
        .ok_or_else(Problem::not_found)?;
    Ok(call.view(world).check_run(about, run))
}

fn create(call: &Call) -> Answer {
    let input: RunInput = call.input()?;
    let missing = |field| Problem::invalid_field("CheckRun", field, "missing_field", None);
    let mut world = call.world();
    let (id, now) = (world.id(), world.now());
    let mut run = CheckRun {
        id,
        name: input.name.clone().ok_or_else(|| missing("name"))?,
        head_sha: input.head_sha.clone().ok_or_else(|| missing("head_sha"))?,
        status: "queued".to_owned(),
        conclusion: None,
        details_url: None,
        external_id: None,
        title: None,
        summary: None,
        text: None,
        started_at: Some(now),
        completed_at: None,
    };
    apply(&mut run, input, now);
    world.repository_mut(call.repository)?.check_runs.push(run);
    Ok(Reply::created(show(call, &world, id)?))
}

fn get(call: &Call) -> Answer {
    Ok(Reply::ok(show(
        call,
        &call.world(),
        call.number("check_run_id")?,
    )?))
}

fn update(call: &Call) -> Answer {
    let input: RunInput = call.input()?;
    let id = call.number("check_run_id")?;
    let mut world = call.world();
    let now = world.now();
    let runs = &mut world.repository_mut(call.repository)?.check_runs;
    apply(
        runs.iter_mut()
            .find(|run| run.id == id)
            .ok_or_else(Problem::not_found)?,
        input,
        now,
    );
    Ok(Reply::ok(show(call, &world, id)?))
}

async fn of_commit(call: Call) -> Answer {
    let sha = resolve(&call, call.param("ref")).await?.sha;
    let world = call.world();
    let about = world.repository(call.repository)?;
    let named = |run: &&CheckRun| call.query("check_name").is_none_or(|name| name == run.name);
    let runs = about
        .check_runs
        .iter()
        .filter(|run| run.head_sha == sha)
        .filter(named);
    Ok(call.page_in(
        "check_runs",
        runs.map(|run| call.view(&world).check_run(about, run)).collect(),
    ))
}

async fn combined(call: Call) -> Answer {
    let sha = resolve(&call, call.param("ref")).await?.sha;
    let world = call.world();
    Ok(Reply::ok(
        call.view(&world)
            .combined_status(world.repository(call.repository)?, &sha),
    ))
}

async fn statuses(call: Call) -> Answer {
    let sha = resolve(&call, call.param("ref")).await?.sha;
    let world = call.world();
    let about = world.repository(call.repository)?;
    let found = about.statuses.iter().rev().filter(|status| status.sha == sha);
    Ok(call.page(
        found
            .map(|status| call.view(&world).status(about, status))
            .collect(),
    ))
}

#[derive(Deserialize)]
struct StatusInput {
    state: String,
    target_url: Option<String>,
    description: Option<String>,
    context: Option<String>,
}

fn create_status(call: &Call) -> Answer {
    let input: StatusInput = call.input()?;
    if !["error", "failure", "pending", "success"].contains(&input.state.as_str()) {
        return Err(Problem::invalid_field("Status", "state", "invalid", None));
    }
    let mut world = call.world();
    let status = Status {
        id: world.id(),
        sha: call.param("sha").to_owned(),
        state: input.state,
        context: input.context.unwrap_or_else(|| "default".to_owned()),
        description: input.description,
        target_url: input.target_url,
        creator_id: call.actor(),
        created_at: world.now(),
    };
    world
        .repository_mut(call.repository)?
        .statuses
        .push(status.clone());
    let shown = call
        .view(&world)
        .status(world.repository(call.repository)?, &status);
    Ok(Reply::created(shown))
}
