use serde_json::json;

use super::need;
use super::repositories::resolve;
use crate::http::{Answer, Call, Problem, Reply, Route, later};
use crate::view::commit;

pub(super) fn routes() -> Vec<Route> {
    vec![
        later("GET", "/repos/{owner}/{repo}/branches", need::CONTENTS_READ, list),
        later(
            "GET",
            "/repos/{owner}/{repo}/branches/{branch...}",
            need::CONTENTS_READ,
            get,
        ),
    ]
}

async fn list(call: Call) -> Answer {
    let refs = call.sim.git.refs(call.repository).await?;
    let url = {
        let world = call.world();
        call.view(&world)
            .repository_url(world.repository(call.repository)?)
    };
    let branches = refs
        .iter()
        .filter_map(|(name, sha)| Some((name.strip_prefix("refs/heads/")?, sha)));
    let shown = branches.map(|(name, sha)| {
        json!({
            "name": name,
            "commit": {"sha": sha, "url": format!("{url}/commits/{sha}")},
            "protected": false,
        })
    });
    Ok(call.page(shown.collect()))
}

async fn get(call: Call) -> Answer {
    let name = call.param("branch");
    let full = format!("refs/heads/{name}");
    let missing = || Problem::new(http::StatusCode::NOT_FOUND, "Branch not found");
    let sha = call
        .sim
        .git
        .refs(call.repository)
        .await?
        .get(&full)
        .ok_or_else(missing)?
        .clone();
    let found = resolve(&call, &sha).await?;
    let world = call.world();
    let about = world.repository(call.repository)?;
    let (view, api) = (call.view(&world), call.view(&world).repository_url(about));
    Ok(Reply::ok(json!({
        "name": name,
        "commit": commit(view, about, &found),
        "_links": {
            "self": format!("{api}/branches/{name}"),
            "html": format!("{}/tree/{name}", view.repository_page(about)),
        },
        "protected": false,
        "protection": {"enabled": false},
        "protection_url": format!("{api}/branches/{name}/protection"),
    })))
}
