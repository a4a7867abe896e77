use super::need;
use crate::git::CommitInfo;
use crate::http::{Answer, Call, Problem, Reply, Route, later, now};
use crate::view::{commit, comparison, diff_entry};

/// Commits looked at for one list or comparison.
const MAX_COMMITS: usize = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        now("GET", "/repos/{owner}/{repo}", need::METADATA, |call| {
            let world = call.world();
            Ok(Reply::ok(
                call.view(&world)
                    .full_repository(world.repository(call.repository)?),
            ))
        }),
        later(
            "GET",
            "/repos/{owner}/{repo}/commits",
            need::CONTENTS_READ,
            commits,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/compare/{basehead...}",
            need::CONTENTS_READ,
            compare,
        ),
    ]
}

/// Finds the commit that a part of the path names.
pub(super) async fn resolve(call: &Call, name: &str) -> Result<CommitInfo, Problem> {
    let sha = call
        .sim
        .git
        .resolve(call.repository, name)
        .await?
        .ok_or_else(Problem::not_found)?;
    call.sim
        .git
        .commit(call.repository, &sha)
        .await?
        .ok_or_else(Problem::not_found)
}

async fn commits(call: Call) -> Answer {
    let default = call.world().repository(call.repository)?.default_branch.clone();
    let from = resolve(&call, call.query("sha").unwrap_or(&default)).await?;
    let found = call.sim.git.log(call.repository, &from.sha, MAX_COMMITS).await?;
    let world = call.world();
    let about = world.repository(call.repository)?;
    Ok(call.page(
        found
            .iter()
            .map(|one| commit(call.view(&world), about, one))
            .collect(),
    ))
}

pub(super) async fn get_commit(call: Call) -> Answer {
    let found = resolve(&call, call.param("ref")).await?;
    let files = match found.parents.first() {
        Some(parent) => call.sim.git.diff(call.repository, parent, &found.sha).await?,
        None => Vec::new(),
    };
    let world = call.world();
    let about = world.repository(call.repository)?;
    let mut body = commit(call.view(&world), about, &found);
    let (plus, minus) = files
        .iter()
        .fold((0, 0), |(p, m), file| (p + file.additions, m + file.deletions));
    body["stats"] = serde_json::json!({"additions": plus, "deletions": minus, "total": plus + minus});
    body["files"] = files
        .iter()
        .map(|file| diff_entry(call.view(&world), about, &found.sha, file))
        .collect();
    Ok(Reply::ok(body))
}

async fn compare(call: Call) -> Answer {
    let basehead = call.param("basehead").to_owned();
    let (base, head) = basehead.split_once("...").ok_or_else(Problem::not_found)?;
    let (base, head) = (resolve(&call, base).await?, resolve(&call, head).await?);
    let (git, repository) = (&call.sim.git, call.repository);
    let shared = git
        .merge_base(repository, &base.sha, &head.sha)
        .await?
        .ok_or_else(Problem::not_found)?;
    let merge_base = git
        .commit(repository, &shared)
        .await?
        .ok_or_else(Problem::not_found)?;
    let files = git.diff(repository, &shared, &head.sha).await?;
    if call.accepts("diff") {
        let text = git
            .ask(repository, &["diff", "--no-ext-diff", &shared, &head.sha, "--"])
            .await?;
        return Ok(Reply::raw("text/plain; charset=utf-8", text.into_bytes()));
    }
    let mut ahead = git
        .log(repository, &format!("{}..{}", base.sha, head.sha), MAX_COMMITS)
        .await?;
    ahead.reverse();
    let behind = git
        .count(repository, &format!("{}..{}", head.sha, base.sha))
        .await?;
    let world = call.world();
    let about = world.repository(repository)?;
    Ok(Reply::ok(comparison(
        call.view(&world),
        about,
        &basehead,
        (&base, &merge_base),
        (&ahead, behind),
        &files,
    )))
}
