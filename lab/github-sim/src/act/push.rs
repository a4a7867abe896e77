use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};

use super::pull;
use crate::git::{CommitInfo, RefChange};
use crate::sim::Inner;
use crate::view::View;

/// GitHub tells of no push of more tags than this at once.
const MAX_TAGS: usize = 3;
/// Commits listed in one event; GitHub's bound.
const MAX_COMMITS: usize = 2_048;

/// Tells of refs that moved, whoever moved them, and brings the pull requests up to date.
pub(crate) async fn moved(
    sim: &Arc<Inner>,
    repository: u64,
    actor: u64,
    changes: &[RefChange],
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    {
        let mut world = sim.world();
        let now = world.now();
        if let Ok(about) = world.repository_mut(repository) {
            (about.pushed_at, about.updated_at) = (now, now);
        }
    }
    let branches: Vec<String> = changes
        .iter()
        .filter_map(|c| c.name.strip_prefix("refs/heads/"))
        .map(str::to_owned)
        .collect();
    pull::refresh(sim, repository, &branches).await?;
    let tags = changes
        .iter()
        .filter(|change| change.name.starts_with("refs/tags/"))
        .count();
    for change in changes {
        if change.name.starts_with("refs/tags/") && tags > MAX_TAGS {
            continue;
        }
        tell(sim, repository, actor, change).await?;
    }
    Ok(())
}

async fn tell(sim: &Arc<Inner>, repository: u64, actor: u64, change: &RefChange) -> Result<()> {
    let commits = new_commits(sim, repository, change).await?;
    let head = if change.deleted() {
        None
    } else {
        sim.git.commit(repository, &change.after).await?
    };
    let forced = !change.created()
        && !change.deleted()
        && !sim
            .git
            .is_ancestor(repository, &change.before, &change.after)
            .await?;
    let mut listed = Vec::new();
    for commit in commits.iter().rev() {
        listed.push(shown(sim, repository, commit).await?);
    }
    let head = match &head {
        Some(commit) => shown(sim, repository, commit).await?,
        None => Value::Null,
    };
    let mut world = sim.world();
    if change.created() || change.deleted() {
        let (kind, short) = split(&change.name);
        let mut payload = json!({"ref": short, "ref_type": kind, "pusher_type": "user"});
        if change.created() {
            payload["master_branch"] = json!(
                world
                    .repositories
                    .get(&repository)
                    .map(|about| &about.default_branch)
            );
            payload["description"] = Value::Null;
        }
        world.emit(
            if change.created() { "create" } else { "delete" },
            repository,
            actor,
            payload,
        );
    }
    let Some(about) = world.repositories.get(&repository) else {
        return Ok(());
    };
    let view = View::of(&world);
    let page = view.repository_page(about);
    let pusher = world.accounts.get(&actor).map_or(
        Value::Null,
        |account| json!({"name": account.login, "email": account.git_email()}),
    );
    let payload = json!({
        "ref": change.name,
        "before": change.before,
        "after": change.after,
        "created": change.created(),
        "deleted": change.deleted(),
        "forced": forced,
        "base_ref": null,
        "compare": format!("{page}/compare/{}...{}", short_sha(&change.before), short_sha(&change.after)),
        "commits": listed,
        "head_commit": head,
        "repository": view.push_repository(about),
        "pusher": pusher,
    });
    world.emit("push", repository, actor, payload);
    follow(&mut world, repository, actor, change);
    Ok(())
}

/// Carries a branch's change over to its open pull requests.
fn follow(world: &mut crate::world::World, repository: u64, actor: u64, change: &RefChange) {
    let Some(branch) = change.name.strip_prefix("refs/heads/") else {
        return;
    };
    let Some(about) = world.repositories.get(&repository) else {
        return;
    };
    let of_branch = about.issues.values().filter(|issue| issue.open);
    let of_branch = of_branch.filter(|issue| issue.pull.as_ref().is_some_and(|pull| pull.head_ref == branch));
    let numbers: Vec<u64> = of_branch.map(|issue| issue.number).collect();
    for number in numbers {
        if change.deleted() {
            // A pull request without its branch cannot stay open.
            let _ = world.close_issue((repository, number), actor, None);
        } else if !change.created() {
            let now = world.now();
            if let Ok(issue) = world.issue_mut(repository, number) {
                issue.updated_at = now;
            }
            let more = json!({"before": change.before, "after": change.after});
            world.emit_issue((repository, number), "synchronize", actor, more);
        }
    }
}

/// Lists the commits a change brought to its ref, newest first.
async fn new_commits(sim: &Arc<Inner>, repository: u64, change: &RefChange) -> Result<Vec<CommitInfo>> {
    if change.deleted() || change.name.starts_with("refs/tags/") {
        return Ok(Vec::new());
    }
    let default = sim
        .world()
        .repositories
        .get(&repository)
        .map(|about| format!("refs/heads/{}", about.default_branch));
    let from = match default {
        _ if !change.created() => change.before.clone(),
        // What a new branch shares with the default branch is not new.
        Some(default) if default != change.name && sim.git.refs(repository).await?.contains_key(&default) => {
            default
        }
        _ => return sim.git.log(repository, &change.after, MAX_COMMITS).await,
    };
    sim.git
        .log(repository, &format!("{from}..{}", change.after), MAX_COMMITS)
        .await
}

async fn shown(sim: &Arc<Inner>, repository: u64, commit: &CommitInfo) -> Result<Value> {
    let files = match commit.parents.first() {
        Some(parent) => sim.git.diff(repository, parent, &commit.sha).await?,
        None => Vec::new(),
    };
    let paths = |statuses: &[&str]| -> Vec<&str> {
        files
            .iter()
            .filter(|file| statuses.contains(&file.status))
            .map(|file| file.path.as_str())
            .collect()
    };
    let world = sim.world();
    let page = world
        .repositories
        .get(&repository)
        .map(|about| View::of(&world).repository_page(about));
    Ok(json!({
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": true,
        "message": commit.message,
        "timestamp": commit.committer.date,
        "url": format!("{}/commit/{}", page.unwrap_or_default(), commit.sha),
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
        "added": paths(&["added", "renamed", "copied"]),
        "removed": paths(&["removed"]),
        "modified": paths(&["modified", "changed"]),
    }))
}

fn split(name: &str) -> (&str, &str) {
    match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
        (Some(branch), _) => ("branch", branch),
        (None, Some(tag)) => ("tag", tag),
        (None, None) => ("branch", name),
    }
}

fn short_sha(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}
