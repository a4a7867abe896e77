use serde::Deserialize;

use super::need;
use crate::act::push;
use crate::git::{RefChange, ZERO};
use crate::http::{Answer, Call, Problem, Reply, Route, later};
use crate::view::reference;

pub(super) fn routes() -> Vec<Route> {
    vec![
        later(
            "GET",
            "/repos/{owner}/{repo}/git/ref/{ref...}",
            need::CONTENTS_READ,
            get,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/git/matching-refs/{ref...}",
            need::CONTENTS_READ,
            matching,
        ),
        later(
            "POST",
            "/repos/{owner}/{repo}/git/refs",
            need::CONTENTS_WRITE,
            create,
        ),
        later(
            "PATCH",
            "/repos/{owner}/{repo}/git/refs/{ref...}",
            need::CONTENTS_WRITE,
            update,
        ),
        later(
            "DELETE",
            "/repos/{owner}/{repo}/git/refs/{ref...}",
            need::CONTENTS_WRITE,
            delete,
        ),
    ]
}

fn show(call: &Call, name: &str, sha: &str) -> Result<serde_json::Value, Problem> {
    let world = call.world();
    Ok(reference(
        call.view(&world),
        world.repository(call.repository)?,
        name,
        sha,
    ))
}

async fn get(call: Call) -> Answer {
    let name = format!("refs/{}", call.param("ref"));
    let refs = call.sim.git.refs(call.repository).await?;
    let sha = refs.get(&name).ok_or_else(Problem::not_found)?;
    Ok(Reply::ok(show(&call, &name, sha)?))
}

async fn matching(call: Call) -> Answer {
    let start = format!("refs/{}", call.param("ref"));
    let refs = call.sim.git.refs(call.repository).await?;
    let found = refs.iter().filter(|(name, _)| name.starts_with(&start));
    let shown: Result<Vec<_>, _> = found.map(|(name, sha)| show(&call, name, sha)).collect();
    Ok(call.page(shown?))
}

#[derive(Deserialize)]
struct CreateInput {
    r#ref: String,
    sha: String,
}

async fn create(call: Call) -> Answer {
    let input: CreateInput = call.input()?;
    let git = &call.sim.git;
    let _turn = call.sim.push_turn(call.repository).await;
    if !git.is_valid_ref(call.repository, &input.r#ref).await? {
        return Err(Problem::unprocessable(
            "Reference name must start with 'refs/heads/' or 'refs/tags/'",
        ));
    }
    exists(&call, &input.sha).await?;
    let change = RefChange {
        name: input.r#ref,
        before: ZERO.to_owned(),
        after: input.sha,
    };
    apply(&call, &change, "Reference already exists").await?;
    Ok(Reply::created(show(&call, &change.name, &change.after)?))
}

#[derive(Deserialize)]
struct UpdateInput {
    sha: String,
    #[serde(default)]
    force: bool,
}

async fn update(call: Call) -> Answer {
    let input: UpdateInput = call.input()?;
    let _turn = call.sim.push_turn(call.repository).await;
    let (name, before) = existing(&call).await?;
    exists(&call, &input.sha).await?;
    if !input.force
        && !call
            .sim
            .git
            .is_ancestor(call.repository, &before, &input.sha)
            .await?
    {
        return Err(Problem::unprocessable("Update is not a fast forward"));
    }
    let change = RefChange {
        name,
        before,
        after: input.sha,
    };
    apply(&call, &change, "Reference cannot be updated").await?;
    Ok(Reply::ok(show(&call, &change.name, &change.after)?))
}

async fn delete(call: Call) -> Answer {
    let _turn = call.sim.push_turn(call.repository).await;
    let (name, before) = existing(&call).await?;
    apply(
        &call,
        &RefChange {
            name,
            before,
            after: ZERO.to_owned(),
        },
        "Reference cannot be deleted",
    )
    .await?;
    Ok(Reply::no_content())
}

async fn existing(call: &Call) -> Result<(String, String), Problem> {
    let name = format!("refs/{}", call.param("ref"));
    let refs = call.sim.git.refs(call.repository).await?;
    let sha = refs
        .get(&name)
        .ok_or_else(|| Problem::unprocessable("Reference does not exist"))?;
    Ok((name, sha.clone()))
}

async fn exists(call: &Call, sha: &str) -> Result<(), Problem> {
    let found = call.sim.git.resolve(call.repository, sha).await?;
    found
        .filter(|found| found == sha)
        .map(drop)
        .ok_or_else(|| Problem::unprocessable("Object does not exist"))
}

async fn apply(call: &Call, change: &RefChange, refusal: &str) -> Result<(), Problem> {
    let git = &call.sim.git;
    if !git
        .update_ref(call.repository, &change.name, &change.after, &change.before)
        .await?
    {
        return Err(Problem::unprocessable(refusal));
    }
    Ok(push::moved(
        &call.sim,
        call.repository,
        call.actor(),
        std::slice::from_ref(change),
    )
    .await?)
}
