use std::sync::Arc;

use http::StatusCode;

use super::push;
use crate::git::{Identity, RefChange};
use crate::http::Problem;
use crate::sim::Inner;
use crate::world::World;

/// How a pull request is to be merged.
#[derive(Default)]
pub(crate) struct How {
    pub(crate) title: Option<String>,
    pub(crate) message: Option<String>,
    /// What the head must be for the merge to happen.
    pub(crate) sha: Option<String>,
    pub(crate) squash: bool,
}

/// The commits that are merged and what the merge commit says.
struct Plan {
    base_ref: String,
    base: String,
    head: String,
    message: String,
    by: Identity,
}

fn refused(message: &str) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// Merges a pull request and returns the hash of the new commit.
pub(crate) async fn merge(
    sim: &Arc<Inner>,
    at: (u64, u64),
    actor: u64,
    how: &How,
) -> Result<String, Problem> {
    let _turn = sim.push_turn(at.0).await;
    let plan = plan(&sim.world(), at, actor, how)?;
    let git = &sim.git;
    let tree = git.merged_tree(at.0, &plan.base, &plan.head).await?;
    let tree = tree.ok_or_else(|| refused("Pull Request is not mergeable"))?;
    let parents: &[&str] = if how.squash {
        &[&plan.base]
    } else {
        &[&plan.base, &plan.head]
    };
    let sha = git
        .commit_tree(at.0, &tree, parents, &plan.message, &plan.by)
        .await?;
    let change = RefChange {
        name: format!("refs/heads/{}", plan.base_ref),
        before: plan.base,
        after: sha.clone(),
    };
    if !git
        .update_ref(at.0, &change.name, &change.after, &change.before)
        .await?
    {
        return Err(refused(
            "Base branch was modified. Review and try the merge again.",
        ));
    }
    sim.world().mark_merged(at, actor, &sha)?;
    push::moved(sim, at.0, actor, &[change]).await?;
    Ok(sha)
}

fn plan(world: &World, at: (u64, u64), actor: u64, how: &How) -> Result<Plan, Problem> {
    let issue = world.pull(at.0, at.1)?;
    let pull = issue.pull.as_ref().ok_or_else(Problem::not_found)?;
    if how.sha.as_ref().is_some_and(|wanted| *wanted != pull.head_sha) {
        let message = "Head branch was modified. Review and try the merge again.";
        return Err(Problem::new(StatusCode::CONFLICT, message));
    }
    if !issue.open || pull.draft {
        return Err(refused("Pull Request is not mergeable"));
    }
    let owner = world.login(world.repository(at.0)?.owner_id);
    let (title, message) = if how.squash {
        (
            format!("{} (#{})", issue.title, at.1),
            issue.body.clone().unwrap_or_default(),
        )
    } else {
        (
            format!("Merge pull request #{} from {owner}/{}", at.1, pull.head_ref),
            issue.title.clone(),
        )
    };
    let author = world.accounts.get(&actor).ok_or_else(Problem::not_found)?;
    Ok(Plan {
        base_ref: pull.base_ref.clone(),
        base: pull.base_sha.clone(),
        head: pull.head_sha.clone(),
        message: format!(
            "{}\n\n{}",
            how.title.as_ref().unwrap_or(&title),
            how.message.as_ref().unwrap_or(&message)
        ),
        by: world.identity(author),
    })
}
