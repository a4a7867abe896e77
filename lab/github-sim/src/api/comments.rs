use serde::Deserialize;
use serde_json::Value;

use super::need;
use crate::http::{Answer, Call, Problem, Reply, Route, now};
use crate::world::{Role, World};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/comments",
            need::ISSUES_READ,
            of_repository,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}",
            need::ISSUES_READ,
            get,
        ),
        now(
            "PATCH",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}",
            need::ISSUES_SPEAK,
            update,
        ),
        now(
            "DELETE",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}",
            need::ISSUES_SPEAK,
            delete,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}/comments",
            need::ISSUES_READ,
            list,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/issues/{issue_number}/comments",
            need::ISSUES_SPEAK,
            create,
        ),
    ]
}

fn show(call: &Call, world: &World, id: u64) -> Result<Value, Problem> {
    let about = world.repository(call.repository)?;
    let issue = world.issue(call.repository, world.comment_place(call.repository, id)?)?;
    let comment = issue
        .comments
        .iter()
        .find(|comment| comment.id == id)
        .ok_or_else(Problem::not_found)?;
    Ok(call.view(world).comment(about, issue, comment))
}

fn list(call: &Call) -> Answer {
    let world = call.world();
    let (about, issue) = (
        world.repository(call.repository)?,
        world.issue(call.repository, call.number("issue_number")?)?,
    );
    let since = call
        .query("since")
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let comments = issue
        .comments
        .iter()
        .filter(|one| since.is_none_or(|since| one.updated_at >= since));
    let view = call.view(&world);
    Ok(call.page(comments.map(|one| view.comment(about, issue, one)).collect()))
}

fn of_repository(call: &Call) -> Answer {
    let world = call.world();
    let about = world.repository(call.repository)?;
    let view = call.view(&world);
    let all = about
        .issues
        .values()
        .flat_map(|issue| issue.comments.iter().map(move |one| (issue, one)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, comment)| comment.id);
    Ok(call.page(
        all.into_iter()
            .map(|(issue, one)| view.comment(about, issue, one))
            .collect(),
    ))
}

fn get(call: &Call) -> Answer {
    Ok(Reply::ok(show(call, &call.world(), call.number("comment_id")?)?))
}

#[derive(Deserialize)]
struct BodyInput {
    body: String,
}

fn create(call: &Call) -> Answer {
    let input: BodyInput = call.input()?;
    let mut world = call.world();
    let id = world.create_comment(
        (call.repository, call.number("issue_number")?),
        call.actor(),
        input.body,
    )?;
    Ok(Reply::created(show(call, &world, id)?))
}

/// Lets the author, and people who may write, change a comment.
fn own_or_write(call: &Call, world: &World, id: u64) -> Result<(), Problem> {
    let number = world.comment_place(call.repository, id)?;
    let comment = world
        .issue(call.repository, number)?
        .comments
        .iter()
        .find(|comment| comment.id == id);
    let person = matches!(call.caller, crate::auth::Caller::Person { .. });
    let role = world.repository(call.repository)?.role(call.actor());
    let foreign = comment.is_none_or(|comment| comment.author_id != call.actor());
    if person && foreign && role < Role::Write {
        Err(Problem::must_have_rights())
    } else {
        Ok(())
    }
}

fn update(call: &Call) -> Answer {
    let input: BodyInput = call.input()?;
    let (mut world, id) = (call.world(), call.number("comment_id")?);
    own_or_write(call, &world, id)?;
    world.edit_comment(call.repository, id, call.actor(), input.body)?;
    Ok(Reply::ok(show(call, &world, id)?))
}

fn delete(call: &Call) -> Answer {
    let (mut world, id) = (call.world(), call.number("comment_id")?);
    own_or_write(call, &world, id)?;
    world.delete_comment(call.repository, id, call.actor())?;
    Ok(Reply::no_content())
}
