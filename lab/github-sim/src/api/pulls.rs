use serde::Deserialize;
use serde_json::Value;

use super::need;
use crate::act::issue::IssueEdit;
use crate::act::pull::{self, NewPull};
use crate::http::{Answer, Call, Problem, Reply, Route, later, now};
use crate::view::{commit, diff_entry};
use crate::world::{Issue, Pull, World};

const MAX_COMMITS: usize = 250;

pub(super) fn routes() -> Vec<Route> {
    vec![
        now("GET", "/repos/{owner}/{repo}/pulls", need::PULLS_READ, list),
        later("POST", "/repos/{owner}/{repo}/pulls", need::PULLS_WRITE, create),
        later(
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}",
            need::PULLS_READ,
            get,
        ),
        later(
            "PATCH",
            "/repos/{owner}/{repo}/pulls/{pull_number}",
            need::PULLS_WRITE,
            update,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/files",
            need::PULLS_READ,
            files,
        ),
        later(
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
            need::PULLS_READ,
            commits,
        ),
    ]
}

fn list(call: &Call) -> Answer {
    let world = call.world();
    let about = world.repository(call.repository)?;
    let (view, owner) = (call.view(&world), world.login(about.owner_id));
    let fits = |issue: &&Issue, pull: &Pull| {
        let state = match call.query("state") {
            Some("all") => true,
            Some("closed") => !issue.open,
            _ => issue.open,
        };
        // A head is asked for as `owner:branch`; without the owner GitHub does not filter.
        let head = call.query("head").and_then(|head| head.split_once(':'));
        let head =
            head.is_none_or(|(from, branch)| from.eq_ignore_ascii_case(owner) && branch == pull.head_ref);
        state && head && call.query("base").is_none_or(|base| base == pull.base_ref)
    };
    let mut found: Vec<&Issue> = about.issues.values().collect();
    found.retain(|issue| issue.pull.as_ref().is_some_and(|pull| fits(issue, pull)));
    if call.query("sort") == Some("updated") {
        found.sort_by_key(|issue| (issue.updated_at, issue.number));
    }
    let ascending = call
        .query("direction")
        .unwrap_or(if call.query("sort").is_some() {
            "asc"
        } else {
            "desc"
        })
        == "asc";
    if !ascending {
        found.reverse();
    }
    Ok(call.page(
        found
            .into_iter()
            .map(|issue| view.pull_simple(about, issue))
            .collect(),
    ))
}

fn show(call: &Call, world: &World, number: u64) -> Result<Value, Problem> {
    Ok(call.view(world).pull(
        world.repository(call.repository)?,
        world.pull(call.repository, number)?,
    ))
}

/// Returns the two commits that a pull request lies between.
fn sides(call: &Call) -> Result<(String, String), Problem> {
    let world = call.world();
    let issue = world.pull(call.repository, call.number("pull_number")?)?;
    let pull = issue.pull.as_ref().ok_or_else(Problem::not_found)?;
    Ok((pull.base_sha.clone(), pull.head_sha.clone()))
}

async fn get(call: Call) -> Answer {
    if call.accepts("diff") || call.accepts("patch") {
        let (base, head) = sides(&call)?;
        let range = format!("{base}...{head}");
        let text = if call.accepts("diff") {
            call.sim
                .git
                .ask(call.repository, &["diff", "--no-ext-diff", &range, "--"])
                .await?
        } else {
            call.sim
                .git
                .ask(
                    call.repository,
                    &["format-patch", "--stdout", &format!("{base}..{head}")],
                )
                .await?
        };
        return Ok(Reply::raw("text/plain; charset=utf-8", text.into_bytes()));
    }
    Ok(Reply::ok(show(
        &call,
        &call.world(),
        call.number("pull_number")?,
    )?))
}

#[derive(Deserialize)]
struct CreateInput {
    title: Option<String>,
    body: Option<String>,
    head: String,
    base: String,
    #[serde(default)]
    draft: bool,
}

async fn create(call: Call) -> Answer {
    let input: CreateInput = call.input()?;
    let new = NewPull {
        title: input.title.unwrap_or_default(),
        body: input.body,
        head: input.head,
        base: input.base,
        draft: input.draft,
    };
    let number = pull::open(&call.sim, call.repository, call.actor(), new).await?;
    Ok(Reply::created(show(&call, &call.world(), number)?))
}

#[derive(Deserialize)]
struct UpdateInput {
    title: Option<String>,
    body: Option<String>,
    state: Option<String>,
    base: Option<String>,
}

async fn update(call: Call) -> Answer {
    let input: UpdateInput = call.input()?;
    let at = (call.repository, call.number("pull_number")?);
    let open = match input.state.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(_) => return Err(Problem::invalid_field("PullRequest", "state", "invalid", None)),
    };
    call.world().pull(at.0, at.1)?;
    if let Some(base) = input.base {
        let refs = call.sim.git.refs(at.0).await?;
        if !refs.contains_key(&format!("refs/heads/{base}")) {
            return Err(Problem::invalid_field("PullRequest", "base", "invalid", None));
        }
        if let Some(pull) = &mut call.world().issue_mut(at.0, at.1)?.pull {
            pull.base_ref.clone_from(&base);
        }
        pull::refresh(&call.sim, at.0, &[base]).await?;
    }
    let edit = IssueEdit {
        title: input.title,
        body: input.body,
        open,
        ..IssueEdit::default()
    };
    call.world().edit_issue(at, call.actor(), edit)?;
    Ok(Reply::ok(show(&call, &call.world(), at.1)?))
}

async fn files(call: Call) -> Answer {
    let (base, head) = sides(&call)?;
    let from = call
        .sim
        .git
        .merge_base(call.repository, &base, &head)
        .await?
        .unwrap_or(base);
    let found = call.sim.git.diff(call.repository, &from, &head).await?;
    let world = call.world();
    let about = world.repository(call.repository)?;
    Ok(call.page(
        found
            .iter()
            .map(|file| diff_entry(call.view(&world), about, &head, file))
            .collect(),
    ))
}

async fn commits(call: Call) -> Answer {
    let (base, head) = sides(&call)?;
    let mut found = call
        .sim
        .git
        .log(call.repository, &format!("{base}..{head}"), MAX_COMMITS)
        .await?;
    found.reverse();
    let world = call.world();
    let about = world.repository(call.repository)?;
    Ok(call.page(
        found
            .iter()
            .map(|one| commit(call.view(&world), about, one))
            .collect(),
    ))
}
