use serde::Deserialize;
use serde_json::Value;

use super::need;
use crate::http::{Answer, Call, Problem, Reply, Route, now};
use crate::world::{Reaction, World};

const CONTENTS: [&str; 8] = [
    "+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes",
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
            need::ISSUES_READ,
            list,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
            need::ISSUES_SPEAK,
            create,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
            need::ISSUES_READ,
            list,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
            need::ISSUES_SPEAK,
            create,
        ),
    ]
}

/// Returns the reactions of whatever the path names: a comment, or an issue.
fn reactions<'a>(call: &Call, world: &'a mut World) -> Result<&'a mut Vec<Reaction>, Problem> {
    if call.params.contains_key("issue_number") {
        return Ok(&mut world
            .issue_mut(call.repository, call.number("issue_number")?)?
            .reactions);
    }
    let id = call.number("comment_id")?;
    let number = world.comment_place(call.repository, id)?;
    let mut comments = world.issue_mut(call.repository, number)?.comments.iter_mut();
    comments
        .find(|one| one.id == id)
        .map(|one| &mut one.reactions)
        .ok_or_else(Problem::not_found)
}

fn list(call: &Call) -> Answer {
    let mut world = call.world();
    let given = reactions(call, &mut world)?.clone();
    let view = call.view(&world);
    Ok(call.page(given.iter().map(|one| view.reaction(one)).collect()))
}

#[derive(Deserialize)]
struct Input {
    content: String,
}

/// Gives a reaction; 200 instead of 201 when the same person gave it before.
fn create(call: &Call) -> Answer {
    let input: Input = call.input()?;
    if !CONTENTS.contains(&input.content.as_str()) {
        return Err(Problem::invalid_field("Reaction", "content", "invalid", None));
    }
    let mut world = call.world();
    let (id, now, actor) = (world.id(), world.now(), call.actor());
    let given = reactions(call, &mut world)?;
    let known = given
        .iter()
        .find(|one| one.author_id == actor && one.content == input.content)
        .cloned();
    let reaction = known.clone().unwrap_or(Reaction {
        id,
        author_id: actor,
        content: input.content,
        created_at: now,
    });
    if known.is_none() {
        given.push(reaction.clone());
    }
    let shown: Value = call.view(&world).reaction(&reaction);
    Ok(if known.is_some() {
        Reply::ok(shown)
    } else {
        Reply::created(shown)
    })
}
