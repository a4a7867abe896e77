//! What the forms do, with the rights of the person one acts as.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;

use super::escape::escape;
use super::issue::find;
use super::layout::{self, COOKIE_NAME, Visitor};
use crate::act::merge::{How, merge as merge_pull};
use crate::http::{Problem, html, query_pairs, see_other, see_other_with};
use crate::sim::Inner;
use crate::world::{Role, World};

pub(super) async fn answer(sim: &Arc<Inner>, visitor: &Visitor, segments: &[&str], body: &[u8]) -> Response {
    let form = query_pairs(&String::from_utf8_lossy(body));
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let result = match segments {
        ["person"] => return switch(field("login"), field("back")),
        ["deliveries", id, "redeliver"] => redeliver(sim, id),
        [owner, name, "pull", number, "merge"] => merge(sim, visitor, (owner, name), number).await,
        [owner, name, "issues", number, act] => {
            let text = if *act == "comment" {
                field("body")
            } else {
                field("label")
            };
            on_issue(&mut sim.world(), visitor, (owner, name, number), act, text)
        }
        _ => Err(Problem::not_found()),
    };
    sim.flush();
    match result {
        Ok(location) => see_other(&location),
        Err(problem) => {
            let body = format!(
                "<h1>Refused</h1><p>{}</p><p>Go back, or act as somebody else.</p>",
                escape(&problem.message)
            );
            html(
                problem.status,
                layout::page("Refused", &body, Some((visitor, "/"))),
            )
        }
    }
}

/// Remembers as whom to act, and goes back to the page one came from.
fn switch(login: &str, back: &str) -> Response {
    // Only a path of ours: two slashes would be another host.
    let back = if back.starts_with('/') && !back.starts_with("//") {
        back
    } else {
        "/"
    };
    if login.contains([';', ' ']) {
        return html(
            StatusCode::BAD_REQUEST,
            layout::page("Refused", "<p>Nobody is called that.</p>", None),
        );
    }
    see_other_with(
        back,
        &format!("{COOKIE_NAME}={login}; Path=/; HttpOnly; SameSite=Strict"),
    )
}

fn redeliver(sim: &Inner, id: &str) -> Result<String, Problem> {
    sim.world()
        .redeliver(id.parse().map_err(|_| Problem::not_found())?)?;
    Ok("/deliveries".to_owned())
}

fn actor(world: &World, visitor: &Visitor) -> Result<u64, Problem> {
    let account = visitor
        .login
        .as_ref()
        .and_then(|login| world.account_by_login(login));
    account
        .map(|account| account.id)
        .ok_or_else(Problem::must_have_rights)
}

fn on_issue(
    world: &mut World,
    visitor: &Visitor,
    (owner, name, number): (&str, &str, &str),
    act: &str,
    text: &str,
) -> Result<String, Problem> {
    let actor = actor(world, visitor)?;
    let (about, issue) = find(world, owner, name, number).ok_or_else(Problem::not_found)?;
    let (at, role) = ((about.id, issue.number), about.role(actor));
    let own = issue.author_id == actor;
    let kind = if issue.pull.is_some() { "pull" } else { "issues" };
    let location = format!("/{}/{kind}/{}", world.full_name(about), issue.number);
    let needed = match act {
        "comment" => Role::Read,
        "close" | "reopen" if own => Role::Read,
        _ => Role::Triage,
    };
    if role < needed {
        let message = format!(
            "This needs the role “{}”, you have “{}”.",
            needed.as_str(),
            role.as_str()
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    match act {
        "comment" => drop(world.create_comment(at, actor, text.to_owned())?),
        "label" => world.add_labels(at, actor, &[text.to_owned()])?,
        "unlabel" => world.remove_label(at, actor, text)?,
        "close" => world.close_issue(at, actor, None)?,
        "reopen" => world.reopen_issue(at, actor)?,
        _ => return Err(Problem::not_found()),
    }
    Ok(location)
}

async fn merge(
    sim: &Arc<Inner>,
    visitor: &Visitor,
    at: (&str, &str),
    number: &str,
) -> Result<String, Problem> {
    let (repository, number, actor) = {
        let world = sim.world();
        let actor = actor(&world, visitor)?;
        let (about, issue) = find(&world, at.0, at.1, number).ok_or_else(Problem::not_found)?;
        if about.role(actor) < Role::Write {
            return Err(Problem::must_have_rights());
        }
        (about.id, issue.number, actor)
    };
    merge_pull(sim, (repository, number), actor, &How::default()).await?;
    Ok(format!("/{}/{}/pull/{number}", at.0, at.1))
}
