use serde::Deserialize;
use serde_json::{Value, json};

use super::need;
use crate::act::review::LineComment;
use crate::http::{Answer, Call, Problem, Reply, Route, now};
use crate::world::{Issue, Pull, Repository, World};

pub(super) fn routes() -> Vec<Route> {
    vec![
        now(
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
            need::PULLS_READ,
            list,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
            need::PULLS_SPEAK,
            create,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
            need::PULLS_READ,
            comments,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
            need::PULLS_SPEAK,
            comment,
        ),
        now(
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
            need::PULLS_READ,
            requested,
        ),
        now(
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
            need::PULLS_WRITE,
            request,
        ),
        now(
            "DELETE",
            "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
            need::PULLS_WRITE,
            unrequest,
        ),
    ]
}

fn pull<'a>(call: &Call, world: &'a World) -> Result<(&'a Repository, &'a Issue, &'a Pull), Problem> {
    let issue = world.pull(call.repository, call.number("pull_number")?)?;
    Ok((
        world.repository(call.repository)?,
        issue,
        issue.pull.as_ref().ok_or_else(Problem::not_found)?,
    ))
}

fn place(call: &Call) -> Result<(u64, u64), Problem> {
    Ok((call.repository, call.number("pull_number")?))
}

fn list(call: &Call) -> Answer {
    let world = call.world();
    let (about, issue, pull) = pull(call, &world)?;
    let view = call.view(&world);
    Ok(call.page(
        pull.reviews
            .iter()
            .map(|review| view.review(about, issue, review))
            .collect(),
    ))
}

#[derive(Deserialize)]
struct ReviewInput {
    event: Option<String>,
    body: Option<String>,
    #[serde(default)]
    comments: Vec<CommentInput>,
}

#[derive(Deserialize)]
struct CommentInput {
    path: Option<String>,
    body: String,
    line: Option<u64>,
    position: Option<u64>,
    side: Option<String>,
    in_reply_to: Option<u64>,
}

impl CommentInput {
    fn into_comment(self) -> LineComment {
        LineComment {
            path: self.path.unwrap_or_default(),
            line: self.line.or(self.position),
            side: self.side.unwrap_or_else(|| "RIGHT".to_owned()),
            body: self.body,
            in_reply_to_id: self.in_reply_to,
        }
    }
}

/// Submits a review at once: drafts (`PENDING`) are a matter of the web editor.
fn create(call: &Call) -> Answer {
    let input: ReviewInput = call.input()?;
    let event = input
        .event
        .ok_or_else(|| Problem::unprocessable("The simulator takes no review without an event"))?;
    let comments = input
        .comments
        .into_iter()
        .map(CommentInput::into_comment)
        .collect();
    let mut world = call.world();
    let id = world.submit_review(
        place(call)?,
        call.actor(),
        &event,
        input.body.unwrap_or_default(),
        comments,
    )?;
    let (about, issue, pull) = pull(call, &world)?;
    let review = pull
        .reviews
        .iter()
        .find(|review| review.id == id)
        .ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(call.view(&world).review(about, issue, review)))
}

fn comments(call: &Call) -> Answer {
    let world = call.world();
    let (about, issue, pull) = pull(call, &world)?;
    let view = call.view(&world);
    Ok(call.page(
        pull.review_comments
            .iter()
            .map(|one| view.review_comment(about, issue, one))
            .collect(),
    ))
}

/// Comments on one line, which GitHub counts as a review of its own.
fn comment(call: &Call) -> Answer {
    let input: CommentInput = call.input()?;
    let mut world = call.world();
    let at = place(call)?;
    world.submit_review(
        at,
        call.actor(),
        "COMMENT",
        String::new(),
        vec![input.into_comment()],
    )?;
    let (about, issue, pull) = pull(call, &world)?;
    let made = pull.review_comments.last().ok_or_else(Problem::not_found)?;
    Ok(Reply::created(
        call.view(&world).review_comment(about, issue, made),
    ))
}

fn requested(call: &Call) -> Answer {
    let world = call.world();
    let (_, _, pull) = pull(call, &world)?;
    let users: Vec<Value> = pull
        .reviewer_ids
        .iter()
        .map(|id| call.view(&world).user(*id))
        .collect();
    Ok(Reply::ok(json!({"users": users, "teams": []})))
}

#[derive(Deserialize)]
struct ReviewersInput {
    #[serde(default)]
    reviewers: Vec<String>,
}

fn change(call: &Call, on: bool) -> Result<Value, Problem> {
    let input: ReviewersInput = call.input()?;
    let mut world = call.world();
    let mut ids = Vec::new();
    for login in &input.reviewers {
        let message = "Reviews may only be requested from collaborators.";
        ids.push(
            world
                .account_by_login(login)
                .ok_or_else(|| Problem::unprocessable(message))?
                .id,
        );
    }
    world.set_reviewers(place(call)?, call.actor(), &ids, on)?;
    let (about, issue, _) = pull(call, &world)?;
    Ok(call.view(&world).pull_simple(about, issue))
}

fn request(call: &Call) -> Answer {
    change(call, true).map(Reply::created)
}

fn unrequest(call: &Call) -> Answer {
    change(call, false).map(Reply::ok)
}
