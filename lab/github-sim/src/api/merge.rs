use serde::Deserialize;
use serde_json::json;

use super::need;
use crate::act::merge::{How, merge};
use crate::http::{Answer, Call, Problem, Reply, Route, later};

pub(super) fn routes() -> Vec<Route> {
    vec![later(
        "PUT",
        "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
        need::CONTENTS_WRITE,
        put,
    )]
}

#[derive(Deserialize)]
struct Input {
    commit_title: Option<String>,
    commit_message: Option<String>,
    sha: Option<String>,
    merge_method: Option<String>,
}

async fn put(call: Call) -> Answer {
    let input: Input = call.input()?;
    let squash = match input.merge_method.as_deref().unwrap_or("merge") {
        "merge" => false,
        "squash" => true,
        _ => {
            let message = "Rebase merges are not allowed on this repository.";
            return Err(Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, message));
        }
    };
    let at = (call.repository, call.number("pull_number")?);
    let how = How {
        title: input.commit_title,
        message: input.commit_message,
        sha: input.sha,
        squash,
    };
    let sha = merge(&call.sim, at, call.actor(), &how).await?;
    Ok(Reply::ok(
        json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"}),
    ))
}
