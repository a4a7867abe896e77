use serde::Deserialize;
use serde_json::Value;

use super::labels::names;
use super::need;
use crate::act::issue::{IssueEdit, NewIssue};
use crate::http::{Answer, Call, Problem, Reply, Route, now};
use crate::world::{Issue, Repository, Role, World};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now("GET", "/repos/{owner}/{repo}/issues", need::ISSUES_READ, list),
        now("POST", "/repos/{owner}/{repo}/issues", need::ISSUES_SPEAK, create),
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}",
            need::ISSUES_READ,
            get,
        ),
        now(
            "PATCH",
            "/repos/{owner}/{repo}/issues/{issue_number}",
            need::ISSUES_SPEAK,
            update,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}/timeline",
            need::ISSUES_READ,
            timeline,
        ),
    ]
}

fn list(call: &Call) -> Answer {
    let world = call.world();
    let about = world.repository(call.repository)?;
    let view = call.view(&world);
    let mut found: Vec<&Issue> = about
        .issues
        .values()
        .filter(|issue| fits(call, &world, about, issue))
        .collect();
    match call.query("sort") {
        Some("updated") => found.sort_by_key(|issue| (issue.updated_at, issue.number)),
        Some("comments") => found.sort_by_key(|issue| (issue.comments.len(), issue.number)),
        _ => found.sort_by_key(|issue| issue.number),
    }
    if call.query("direction") != Some("asc") {
        found.reverse();
    }
    Ok(call.page(found.into_iter().map(|issue| view.issue(about, issue)).collect()))
}

/// Says whether an issue is among those the query asks for.
fn fits(call: &Call, world: &World, about: &Repository, issue: &Issue) -> bool {
    let state = match call.query("state") {
        Some("all") => true,
        Some("closed") => !issue.open,
        _ => issue.open,
    };
    let has = |name: &str| {
        issue
            .label_ids
            .iter()
            .filter_map(|id| about.label(*id))
            .any(|l| l.name.eq_ignore_ascii_case(name))
    };
    let labels = call
        .query("labels")
        .unwrap_or("")
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .all(has);
    let creator = call
        .query("creator")
        .is_none_or(|login| world.login(issue.author_id).eq_ignore_ascii_case(login));
    let since = call
        .query("since")
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    state && labels && creator && since.is_none_or(|since| issue.updated_at >= since)
}

fn show(call: &Call, world: &World, number: u64) -> Result<Value, Problem> {
    Ok(call.view(world).issue(
        world.repository(call.repository)?,
        world.issue(call.repository, number)?,
    ))
}

fn get(call: &Call) -> Answer {
    Ok(Reply::ok(show(
        call,
        &call.world(),
        call.number("issue_number")?,
    )?))
}

#[derive(Deserialize)]
struct CreateInput {
    /// GitHub takes numbers as titles too.
    title: Value,
    body: Option<String>,
    #[serde(default)]
    assignees: Vec<String>,
}

fn text(title: &Value) -> String {
    title.as_str().map_or_else(|| title.to_string(), str::to_owned)
}

fn create(call: &Call) -> Answer {
    let missing = || Problem::invalid_field("Issue", "title", "missing_field", None);
    let input: CreateInput = if call.body["title"].is_null() {
        return Err(missing());
    } else {
        call.input()?
    };
    let labels = if call.body["labels"].is_null() {
        Vec::new()
    } else {
        names(&call.body)?
    };
    let mut world = call.world();
    let new = NewIssue {
        title: text(&input.title),
        body: input.body,
        labels,
        assignees: input.assignees,
    };
    let number = world.create_issue(call.repository, call.actor(), new)?;
    Ok(Reply::created(show(call, &world, number)?))
}

#[derive(Deserialize)]
struct UpdateInput {
    title: Option<Value>,
    body: Option<String>,
    state: Option<String>,
    state_reason: Option<String>,
    assignees: Option<Vec<String>>,
}

fn update(call: &Call) -> Answer {
    let input: UpdateInput = call.input()?;
    let mut world = call.world();
    let at = (call.repository, call.number("issue_number")?);
    let foreign = world.issue(at.0, at.1)?.author_id != call.actor();
    let person = matches!(call.caller, crate::auth::Caller::Person { .. });
    if person && foreign && world.repository(at.0)?.role(call.actor()) < Role::Triage {
        return Err(Problem::must_have_rights());
    }
    let open = match input.state.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(Problem::invalid_field("Issue", "state", "invalid", None)),
    };
    if !call.body["labels"].is_null() {
        world.set_labels(at, call.actor(), &names(&call.body)?)?;
    }
    let edit = IssueEdit {
        title: input.title.as_ref().map(text),
        body: input.body,
        open,
        state_reason: input.state_reason,
        assignees: input.assignees,
    };
    world.edit_issue(at, call.actor(), edit)?;
    Ok(Reply::ok(show(call, &world, at.1)?))
}

fn timeline(call: &Call) -> Answer {
    let world = call.world();
    let (about, issue) = (
        world.repository(call.repository)?,
        world.issue(call.repository, call.number("issue_number")?)?,
    );
    Ok(call.page(call.view(&world).timeline(about, issue)))
}
