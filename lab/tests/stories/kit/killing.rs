//! Workers that die at a point, and repositories of their own for what they have in hand.

use std::path::Path;
use std::time::Duration;

use github_sim::{AccountKind, AccountSeed, IssueSeed, LabelSeed, RepositorySeed, Role, Seed};
use orchestrator::Actor;
use orchestrator::repository::{self, NewRepository};

use super::{World, within};

/// Whose points stand around a call, not a commit.
const OUTWARD: [&str; 3] = ["github.", "kubernetes.", "mirror."];
/// A status comment is edited 30 s after it was written.
const PASSED_WITHIN: Duration = Duration::from_mins(1);

/// The points of a commit, or of a call outward.
pub(crate) fn points(names: &[&str]) -> Vec<String> {
    let both = |name: &&str| {
        let is_outward = |name: &str| OUTWARD.iter().any(|of| name.starts_with(of));
        let [before, after] = if is_outward(name) {
            ["before", "after"]
        } else {
            ["before_commit", "after_commit"]
        };
        [format!("{name}:{before}"), format!("{name}:{after}")]
    };
    names.iter().flat_map(both).collect()
}

/// A repository of the story.
pub(crate) fn name(n: usize) -> String {
    format!("owner-{n}/hello")
}

/// A repository of another owner, with an issue, known to the project; answers its id.
pub(crate) async fn repository(world: &World, n: usize) -> String {
    let owner = format!("owner-{n}");
    let seed = Seed {
        accounts: vec![AccountSeed {
            login: owner.clone(),
            kind: AccountKind::Organization,
            ..AccountSeed::default()
        }],
        repositories: vec![RepositorySeed {
            id: Some(7000 + n as u64),
            owner: owner.clone(),
            name: "hello".into(),
            roles: [("mia".to_owned(), Role::Write)].into(),
            files: [("README.md".to_owned(), "# hello\n".to_owned())].into(),
            labels: vec![LabelSeed {
                name: "run:dev".into(),
                ..LabelSeed::default()
            }],
            issues: vec![IssueSeed {
                number: Some(1),
                title: "A wish".into(),
                author: "mia".into(),
                ..IssueSeed::default()
            }],
            ..RepositorySeed::default()
        }],
    };
    let github = &world.lab.github;
    github.seed(&seed).await.expect("seeded");
    let installation = github.installation_id(&owner).expect("the App is installed");
    let new = NewRepository {
        project_id: world.project_id(),
        github_repository_id: 7000 + i64::try_from(n).expect("few"),
        installation_id: i64::try_from(installation).expect("small"),
        owner,
        name: "hello".into(),
        default_branch: "main".into(),
        clone_url: format!("{}/{}.git", github.url(), name(n)),
        agent_image: None,
    };
    let attached = repository::attach(&world.orchestrator, &Actor::System("story"), new).await;
    attached.expect("attached").repository_id.to_string()
}

/// Waits until the worker died at the armed point.
pub(crate) async fn dies(file: &Path, point: &str) {
    within(PASSED_WITHIN, &format!("{point} is passed"), async || {
        std::fs::read_to_string(file)
            .is_ok_and(|left| left.is_empty())
            .then_some(())
    })
    .await;
}
