use std::sync::Arc;

use serde_json::json;

use super::closing::closes;
use super::issue::{check_body, check_title};
use crate::http::Problem;
use crate::sim::Inner;
use crate::world::{Facts, Pull, World};

/// What a new pull request begins with.
pub(crate) struct NewPull {
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) draft: bool,
}

/// The two commits of a pull request and what git says of them.
pub(crate) struct Sides {
    head_sha: String,
    base_sha: String,
    facts: Facts,
}

fn invalid(field: &str) -> Problem {
    Problem::invalid_field("PullRequest", field, "invalid", None)
}

/// Opens a pull request within one repository, on what git finds at the two branches.
pub(crate) async fn open(
    sim: &Arc<Inner>,
    repository: u64,
    actor: u64,
    new: NewPull,
) -> Result<u64, Problem> {
    check_title(&new.title, "PullRequest")?;
    check_body(new.body.as_deref(), "PullRequest")?;
    let head = {
        let world = sim.world();
        let owner = world.login(world.repository(repository)?.owner_id);
        match new.head.split_once(':') {
            Some((from, head)) if from.eq_ignore_ascii_case(owner) => head.to_owned(),
            Some(_) => return Err(invalid("head")),
            None => new.head.clone(),
        }
    };
    let refs = sim.git.refs(repository).await?;
    let head_sha = refs
        .get(&format!("refs/heads/{head}"))
        .ok_or_else(|| invalid("head"))?
        .clone();
    let base_sha = refs
        .get(&format!("refs/heads/{}", new.base))
        .ok_or_else(|| invalid("base"))?
        .clone();
    let facts = sim.git.facts(repository, &base_sha, &head_sha).await?;
    if facts.commits == 0 {
        let message = format!("No commits between {} and {head}", new.base);
        return Err(Problem::invalid_field(
            "PullRequest",
            "base",
            "custom",
            Some(&message),
        ));
    }
    let sides = Sides {
        head_sha: head_sha.clone(),
        base_sha,
        facts,
    };
    let number = sim
        .world()
        .add_pull(repository, actor, NewPull { head, ..new }, sides)?;
    sim.git.keep_pull_head(repository, number, &head_sha).await?;
    Ok(number)
}

/// Asks git again about every open pull request of these branches, because one of them moved.
pub(crate) async fn refresh(sim: &Arc<Inner>, repository: u64, branches: &[String]) -> anyhow::Result<()> {
    let open: Vec<(u64, String, String)> = {
        let world = sim.world();
        let Some(about) = world.repositories.get(&repository) else {
            return Ok(());
        };
        let pulls = about.issues.values().filter(|issue| issue.open);
        let pulls = pulls.filter_map(|issue| issue.pull.as_ref().map(|pull| (issue.number, pull)));
        let touched =
            pulls.filter(|(_, pull)| branches.contains(&pull.head_ref) || branches.contains(&pull.base_ref));
        touched
            .map(|(number, pull)| (number, pull.head_ref.clone(), pull.base_ref.clone()))
            .collect()
    };
    if open.is_empty() {
        return Ok(());
    }
    let refs = sim.git.refs(repository).await?;
    for (number, head, base) in open {
        let sha = |name: &str| refs.get(&format!("refs/heads/{name}")).cloned();
        let (Some(head_sha), Some(base_sha)) = (sha(&head), sha(&base)) else {
            continue;
        };
        let facts = sim.git.facts(repository, &base_sha, &head_sha).await?;
        sim.git.keep_pull_head(repository, number, &head_sha).await?;
        if let Ok(issue) = sim.world().issue_mut(repository, number)
            && let Some(pull) = &mut issue.pull
        {
            (pull.head_sha, pull.base_sha, pull.facts) = (head_sha, base_sha, facts);
        }
    }
    Ok(())
}

impl World {
    fn add_pull(&mut self, repository: u64, actor: u64, new: NewPull, sides: Sides) -> Result<u64, Problem> {
        let about = self.repository(repository)?;
        let same = |pull: &Pull| pull.head_ref == new.head && pull.base_ref == new.base;
        if about
            .issues
            .values()
            .any(|issue| issue.open && issue.pull.as_ref().is_some_and(same))
        {
            let message = format!(
                "A pull request already exists for {}:{}.",
                self.login(about.owner_id),
                new.head
            );
            return Err(Problem {
                errors: vec![json!({
                    "resource": "PullRequest", "code": "custom", "message": message,
                })],
                ..Problem::unprocessable("Validation Failed")
            });
        }
        let number = about.next_number();
        let mut issue = self.blank_issue(number, actor, new.title, new.body);
        issue.pull = Some(Pull {
            id: self.id(),
            head_ref: new.head,
            head_sha: sides.head_sha,
            base_ref: new.base,
            base_sha: sides.base_sha,
            draft: new.draft,
            facts: sides.facts,
            merged_at: None,
            merged_by: None,
            merge_commit_sha: None,
            reviewer_ids: Vec::new(),
            reviews: Vec::new(),
            review_comments: Vec::new(),
        });
        self.repository_mut(repository)?.issues.insert(number, issue);
        self.emit_issue((repository, number), "opened", actor, json!({}));
        Ok(number)
    }

    /// Notes that a pull request was merged, which also closes it.
    pub(crate) fn mark_merged(&mut self, at: (u64, u64), actor: u64, sha: &str) -> Result<(), Problem> {
        let now = self.now();
        let pull = self
            .issue_mut(at.0, at.1)?
            .pull
            .as_mut()
            .ok_or_else(Problem::not_found)?;
        pull.merged_at = Some(now);
        pull.merged_by = Some(actor);
        pull.merge_commit_sha = Some(sha.to_owned());
        let into = pull.base_ref.clone();
        self.note(at, "merged", actor, None)?;
        self.close_issue(at, actor, None)?;
        let linked = self
            .issue(at.0, at.1)?
            .body
            .as_deref()
            .map(closes)
            .unwrap_or_default();
        if self.repository(at.0)?.default_branch != into {
            return Ok(());
        }
        for number in linked {
            // A number that names no issue is just text.
            let _ = self.close_issue((at.0, number), actor, None);
        }
        Ok(())
    }
}
