use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::need;
use super::repositories::resolve;
use crate::act::push;
use crate::git::{FileChange, RefChange};
use crate::http::{Answer, Call, Problem, Reply, Route, later};
use crate::view::{commit, content_directory, content_file};

pub(super) fn routes() -> Vec<Route> {
    vec![
        later(
            "GET",
            "/repos/{owner}/{repo}/contents/{path...}",
            need::CONTENTS_READ,
            get,
        ),
        later(
            "PUT",
            "/repos/{owner}/{repo}/contents/{path...}",
            need::CONTENTS_WRITE,
            put,
        ),
    ]
}

async fn get(call: Call) -> Answer {
    let default = call.world().repository(call.repository)?.default_branch.clone();
    let at = call
        .query("ref")
        .filter(|text| !text.is_empty())
        .unwrap_or(&default)
        .to_owned();
    let path = call.param("path").trim_matches('/').to_owned();
    let commit = resolve(&call, &at).await?.sha;
    let (git, repository) = (&call.sim.git, call.repository);
    let entry = git
        .entry(repository, &commit, &path)
        .await?
        .ok_or_else(Problem::not_found)?;
    if entry.kind == "tree" {
        let folder = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let entries = git.ls_tree(repository, &commit, &folder).await?;
        let world = call.world();
        let about = world.repository(repository)?;
        return Ok(Reply::ok(content_directory(
            call.view(&world),
            about,
            &at,
            &entries,
        )));
    }
    let bytes = git.blob(repository, &entry.sha).await?;
    if call.accepts("raw") {
        return Ok(Reply::raw(
            "application/vnd.github.raw+json; charset=utf-8",
            bytes,
        ));
    }
    let world = call.world();
    Ok(Reply::ok(content_file(
        call.view(&world),
        world.repository(repository)?,
        &at,
        &entry,
        &bytes,
    )))
}

#[derive(Deserialize)]
struct PutInput {
    message: String,
    content: String,
    /// The blob that is replaced; without it the file must be new.
    sha: Option<String>,
    branch: Option<String>,
}

async fn put(call: Call) -> Answer {
    let input: PutInput = call.input()?;
    let content = STANDARD.decode(input.content.replace('\n', ""));
    let content = content.map_err(|_| Problem::unprocessable("content is not valid Base64"))?;
    let (branch, by) = {
        let world = call.world();
        let about = world.repository(call.repository)?;
        let author = world.accounts.get(&call.actor()).ok_or_else(Problem::not_found)?;
        (
            input.branch.unwrap_or_else(|| about.default_branch.clone()),
            world.identity(author),
        )
    };
    let (git, repository, path) = (&call.sim.git, call.repository, call.param("path").to_owned());
    let _turn = call.sim.push_turn(repository).await;
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("Branch {branch} not found"));
    let parent = git
        .refs(repository)
        .await?
        .get(&format!("refs/heads/{branch}"))
        .ok_or_else(missing)?
        .clone();
    let old = git.entry(repository, &parent, &path).await?;
    if old.as_ref().map(|entry| &entry.sha) != input.sha.as_ref() {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("{path} does not match {}", input.sha.unwrap_or_default()),
        ));
    }
    let change = FileChange {
        path: &path,
        content: Some(&content),
    };
    let sha = git
        .commit_files(
            repository,
            &branch,
            Some(&parent),
            &[change],
            (&input.message, &by),
        )
        .await?;
    let moved = RefChange {
        name: format!("refs/heads/{branch}"),
        before: parent,
        after: sha.clone(),
    };
    push::moved(&call.sim, repository, call.actor(), &[moved]).await?;
    let (entry, made) = (
        git.entry(repository, &sha, &path).await?,
        resolve(&call, &sha).await?,
    );
    let world = call.world();
    let about = world.repository(repository)?;
    let mut file = entry.map_or(Value::Null, |entry| {
        content_file(call.view(&world), about, &branch, &entry, &content)
    });
    if let Some(fields) = file.as_object_mut() {
        fields.remove("content");
        fields.remove("encoding");
    }
    let shown = commit(call.view(&world), about, &made);
    let mut body = json!({"content": file, "commit": shown["commit"]});
    for field in ["sha", "node_id", "html_url", "parents"] {
        body["commit"][field] = shown[field].clone();
    }
    Ok(if old.is_some() {
        Reply::ok(body)
    } else {
        Reply::created(body)
    })
}
