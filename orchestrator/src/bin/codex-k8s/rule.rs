use clap::{Args, Subcommand};
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::id::MembershipRuleId;
use orchestrator::identity::rule::{self, Check, Grant, Rule as MembershipRule};
use orchestrator::ports::identity::Group;

use crate::memory::Memory;
use crate::{me, project, token};

#[derive(Debug, Subcommand)]
pub(crate) enum Rule {
    /// Gives a role to all members of an organisation, or of a team of it; to strangers at their sign-in
    Add(Add),
    /// Prints the rules, and when their groups were last listed
    List(List),
    /// Ends a rule, and takes back what it gave
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    memory: Memory,
    /// The organisation, as in its address at GitHub
    org: String,
    /// The team's slug, as in its address at GitHub
    #[arg(long)]
    team: Option<String>,
    /// The project's slug
    #[arg(
        long,
        requires = "role",
        required_unless_present = "platform",
        conflicts_with = "platform"
    )]
    project: Option<String>,
    /// viewer, contributor, reviewer, maintainer or admin
    #[arg(long, value_parser = project::role, requires = "project")]
    role: Option<Role>,
    /// A role on the whole platform: operator, auditor or owner
    #[arg(long, value_parser = token::platform_role)]
    platform: Option<PlatformRole>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    memory: Memory,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    memory: Memory,
    /// As `list` prints it
    id: MembershipRuleId,
}

impl Rule {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Add(ask) => ask.run().await,
            Self::List(ask) => ask.run().await,
            Self::Remove(ask) => {
                let orchestrator = ask.memory.open().await?;
                rule::remove(&orchestrator, &me(), ask.id).await?;
                println!("{}: removed", ask.id);
                Ok(())
            }
        }
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let grant = match (self.project, self.role, self.platform) {
            (Some(slug), Some(role), None) => {
                Grant::Project(project::find(&orchestrator, &slug).await?.project_id, role)
            }
            (None, None, Some(role)) => Grant::Platform(role),
            _ => anyhow::bail!("name --project and --role, or --platform"),
        };
        let group = Group {
            org: self.org,
            team: self.team,
        };
        let made = rule::add(&orchestrator, &me(), group, grant).await?;
        println!("{}", shown(&made));
        Ok(())
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let mut tx = orchestrator.begin("cli.rules").await?;
        let checks = rule::checks(&mut tx).await?;
        for rule in rule::list(&mut tx).await? {
            let check = checks.iter().find(|check| check.group == rule.group);
            println!("{}; {}", shown(&rule), check.map_or_else(never, told));
        }
        Ok(())
    }
}

fn shown(it: &MembershipRule) -> String {
    let Group { org, team } = &it.group;
    let team = team.as_deref().map(|team| format!("/{team}")).unwrap_or_default();
    let gets = match it.grant {
        Grant::Project(project_id, role) => format!("{role} of the project {project_id}"),
        Grant::Platform(role) => format!("{role} of the platform"),
    };
    format!("{}  {org}{team}: {gets}", it.membership_rule_id)
}

fn told(check: &Check) -> String {
    let listed = check
        .listed_at
        .map_or_else(never, |at| format!("members listed at {at:.0}"));
    match &check.failure {
        None => listed,
        Some((at, why)) => format!("{listed}; not at {at:.0}: {why}"),
    }
}

fn never() -> String {
    "members not listed yet".to_owned()
}
