use serde::Deserialize;
use serde_json::Value;

use super::need;
use crate::http::{Answer, Call, Problem, Reply, Route, now};
use crate::world::World;

pub(super) fn routes() -> Vec<Route> {
    vec![
        now("GET", "/repos/{owner}/{repo}/labels", need::ISSUES_READ, list),
        now("POST", "/repos/{owner}/{repo}/labels", need::LABELS_WRITE, create),
        now(
            "GET",
            "/repos/{owner}/{repo}/labels/{name}",
            need::ISSUES_READ,
            get,
        ),
        now(
            "PATCH",
            "/repos/{owner}/{repo}/labels/{name}",
            need::LABELS_WRITE,
            update,
        ),
        now(
            "DELETE",
            "/repos/{owner}/{repo}/labels/{name}",
            need::LABELS_WRITE,
            delete,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            need::ISSUES_READ,
            of_issue,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            need::ISSUES_TRIAGE,
            add,
        ),
        now(
            "PUT",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            need::ISSUES_TRIAGE,
            set,
        ),
        now(
            "DELETE",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            need::ISSUES_TRIAGE,
            clear,
        ),
        now(
            "DELETE",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
            need::ISSUES_TRIAGE,
            remove,
        ),
    ]
}

fn list(call: &Call) -> Answer {
    let world = call.world();
    let about = world.repository(call.repository)?;
    let view = call.view(&world);
    Ok(call.page(
        about
            .labels
            .iter()
            .map(|label| view.label(about, label))
            .collect(),
    ))
}

fn show(call: &Call, world: &World, name: &str) -> Result<Value, Problem> {
    let about = world.repository(call.repository)?;
    Ok(call
        .view(world)
        .label(about, about.label_named(name).ok_or_else(Problem::not_found)?))
}

fn get(call: &Call) -> Answer {
    Ok(Reply::ok(show(call, &call.world(), call.param("name"))?))
}

#[derive(Deserialize)]
struct CreateInput {
    name: String,
    color: Option<String>,
    description: Option<String>,
}

fn create(call: &Call) -> Answer {
    let input: CreateInput = call.input()?;
    let mut world = call.world();
    world.create_label(
        call.repository,
        call.actor(),
        &input.name,
        input.color.as_deref(),
        input.description,
    )?;
    Ok(Reply::created(show(call, &world, &input.name)?))
}

#[derive(Deserialize)]
struct UpdateInput {
    new_name: Option<String>,
    color: Option<String>,
    description: Option<String>,
}

fn update(call: &Call) -> Answer {
    let input: UpdateInput = call.input()?;
    let mut world = call.world();
    let about = world.repository_mut(call.repository)?;
    let id = about
        .label_named(call.param("name"))
        .ok_or_else(Problem::not_found)?
        .id;
    let label = about
        .labels
        .iter_mut()
        .find(|label| label.id == id)
        .ok_or_else(Problem::not_found)?;
    label.name = input.new_name.unwrap_or_else(|| label.name.clone());
    label.color = input.color.unwrap_or_else(|| label.color.clone());
    label.description = input.description.or_else(|| label.description.clone());
    let name = label.name.clone();
    world.tell_label(call.repository, call.actor(), id, "edited");
    Ok(Reply::ok(show(call, &world, &name)?))
}

fn delete(call: &Call) -> Answer {
    call.world()
        .delete_label(call.repository, call.actor(), call.param("name"))?;
    Ok(Reply::no_content())
}

/// Reads names given as GitHub takes them: a list, or an object that holds one; text or `{"name": ...}`.
pub(super) fn names(body: &Value) -> Result<Vec<String>, Problem> {
    let list = body.get("labels").unwrap_or(body);
    let list = list
        .as_array()
        .ok_or_else(|| Problem::unprocessable("Invalid request.\n\nlabels is not an array"))?;
    let name = |entry: &Value| {
        entry
            .as_str()
            .or_else(|| entry["name"].as_str())
            .map(str::to_owned)
    };
    let names: Option<Vec<String>> = list.iter().map(name).collect();
    names.ok_or_else(|| {
        Problem::unprocessable("Invalid request.\n\nA label is neither text nor an object with a name")
    })
}

fn labels_of(call: &Call, world: &World) -> Result<Value, Problem> {
    let (about, issue) = (
        world.repository(call.repository)?,
        world.issue(call.repository, call.number("issue_number")?)?,
    );
    Ok(Value::Array(call.view(world).issue_labels(about, issue)))
}

fn of_issue(call: &Call) -> Answer {
    match labels_of(call, &call.world())? {
        Value::Array(labels) => Ok(call.page(labels)),
        other => Ok(Reply::ok(other)),
    }
}

fn place(call: &Call) -> Result<(u64, u64), Problem> {
    Ok((call.repository, call.number("issue_number")?))
}

fn add(call: &Call) -> Answer {
    let names = names(&call.body)?;
    let mut world = call.world();
    world.add_labels(place(call)?, call.actor(), &names)?;
    Ok(Reply::ok(labels_of(call, &world)?))
}

fn set(call: &Call) -> Answer {
    let names = names(&call.body)?;
    let mut world = call.world();
    world.set_labels(place(call)?, call.actor(), &names)?;
    Ok(Reply::ok(labels_of(call, &world)?))
}

fn clear(call: &Call) -> Answer {
    call.world().set_labels(place(call)?, call.actor(), &[])?;
    Ok(Reply::no_content())
}

fn remove(call: &Call) -> Answer {
    let mut world = call.world();
    world.remove_label(place(call)?, call.actor(), call.param("name"))?;
    Ok(Reply::ok(labels_of(call, &world)?))
}
