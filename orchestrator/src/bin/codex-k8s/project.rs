use clap::{Args, Subcommand};
use orchestrator::actor::Role;
use orchestrator::project::{self, Limits, NewProject};
use orchestrator::repository::{self, NewRepository};
use orchestrator::{Orchestrator, identity};

use crate::me;
use crate::memory::Memory;

/// Slots of a new project of which nothing is said.
const SLOTS: i32 = 2;

#[derive(Debug, Subcommand)]
pub(crate) enum Project {
    /// Makes a project with its trigger rules and slots; asking again changes nothing, but for more slots
    Add(AddProject),
    /// Binds a repository that the GitHub App is installed on; asking again renews what is known of it
    Repository(AddRepository),
    /// Gives a person a role in a project
    Member(SetMember),
}

#[derive(Debug, Args)]
pub(crate) struct AddProject {
    #[command(flatten)]
    memory: Memory,
    /// Short name, part of the names of namespaces
    slug: String,
    /// Name for people; the slug without it
    #[arg(long)]
    name: Option<String>,
    /// Places where its runs may run; 2 for a new project
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=100))]
    slots: Option<i32>,
}

#[derive(Debug, Args)]
pub(crate) struct AddRepository {
    #[command(flatten)]
    memory: Memory,
    /// The project's slug
    project: String,
    /// `owner/name`
    repository: String,
    /// The repository's numeric id at GitHub
    #[arg(long)]
    github_id: i64,
    /// The id of the App's installation at the owner
    #[arg(long)]
    installation_id: i64,
    #[arg(long, default_value = "main")]
    default_branch: String,
    /// Where it is cloned from; GitHub's own address without it
    #[arg(long)]
    clone_url: Option<String>,
    /// Image of the agent's container, by digest; the platform's default without it
    #[arg(long)]
    agent_image: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SetMember {
    #[command(flatten)]
    memory: Memory,
    /// The project's slug
    project: String,
    /// The person's login at GitHub
    login: String,
    /// The person's numeric id at GitHub
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    github_id: i64,
    /// viewer, contributor, reviewer, maintainer or admin
    #[arg(long, value_parser = role)]
    role: Role,
}

impl Project {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(it) => it.run().await,
            Self::Repository(it) => it.run().await,
            Self::Member(it) => it.run().await,
        }
    }
}

impl AddProject {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        if let Some(there) = look_up(&orchestrator, &self.slug).await? {
            let slots = project::grow(&orchestrator, &me(), there.project_id, self.slots).await?;
            println!("project {}: was there, with {slots} slots", self.slug);
            return Ok(());
        }
        let slots = self.slots.unwrap_or(SLOTS);
        let new = NewProject {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
            limits: Limits {
                max_live_runs: slots,
                ..Limits::default()
            },
            lockdown: true,
            slots,
        };
        let project = project::create(&orchestrator, &me(), new).await?;
        println!("project {}: made, with {slots} slots", project.slug);
        Ok(())
    }
}

impl AddRepository {
    async fn run(self) -> anyhow::Result<()> {
        let Some((owner, name)) = self.repository.split_once('/') else {
            anyhow::bail!("write the repository as owner/name");
        };
        let orchestrator = self.memory.open().await?;
        let new = NewRepository {
            project_id: find(&orchestrator, &self.project).await?.project_id,
            github_repository_id: self.github_id,
            installation_id: self.installation_id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            default_branch: self.default_branch,
            clone_url: self
                .clone_url
                .unwrap_or_else(|| format!("https://github.com/{owner}/{name}.git")),
            agent_image: self.agent_image,
        };
        let bound = repository::attach(&orchestrator, &me(), new).await?;
        println!(
            "repository {owner}/{name}: bound to {} as {}",
            self.project, bound.repository_id
        );
        Ok(())
    }
}

impl SetMember {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let project = find(&orchestrator, &self.project).await?;
        let mut tx = orchestrator.begin("cli.member").await?;
        let known = identity::find_by_github_user_id(&mut tx, self.github_id).await?;
        let platform_role = known.and_then(|person| person.platform_role);
        let person = identity::ensure_person(&mut tx, self.github_id, &self.login, platform_role).await?;
        tx.commit().await?;
        let role = Some(self.role);
        project::set_member(&orchestrator, &me(), project.project_id, person.person_id, role).await?;
        println!("member {}: {} of {}", self.login, self.role, self.project);
        Ok(())
    }
}

/// The project of a slug.
pub(crate) async fn find(orchestrator: &Orchestrator, slug: &str) -> anyhow::Result<project::Project> {
    look_up(orchestrator, slug).await?.ok_or_else(|| {
        anyhow::anyhow!("there is no project {slug}; make it with `codex-k8s project add {slug}`")
    })
}

async fn look_up(orchestrator: &Orchestrator, slug: &str) -> anyhow::Result<Option<project::Project>> {
    let mut tx = orchestrator.begin("cli.project").await?;
    Ok(project::find_by_slug(&mut tx, slug).await?)
}

pub(crate) fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "use viewer, contributor, reviewer, maintainer or admin".to_owned())
}
