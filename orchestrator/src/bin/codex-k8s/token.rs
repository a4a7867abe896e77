use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::SignedDuration;
use orchestrator::actor::{PlatformRole, Role};
use orchestrator::credential::{self, Narrowing, TOOLSETS, TokenScope};
use secrecy::ExposeSecret;
use url::Url;

use crate::memory::Memory;
use crate::project;

#[derive(Debug, Args)]
pub(crate) struct IssueToken {
    #[command(flatten)]
    memory: Memory,
    /// The project's slug; a token with a role on the whole platform has none
    #[arg(required_unless_present = "platform", conflicts_with = "platform")]
    project: Option<String>,
    /// What the token is for, for its readers in the audit
    #[arg(long)]
    name: String,
    /// viewer, contributor, reviewer, maintainer or admin
    #[arg(long, value_parser = project::role, required_unless_present = "platform", conflicts_with = "platform")]
    role: Option<Role>,
    /// A role on the whole platform: operator, auditor or owner
    #[arg(long, value_parser = platform_role)]
    platform: Option<PlatformRole>,
    /// Days until it ends
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=365))]
    days: i64,
    /// Only these groups of tools: access, operations, repositories, runs, slots, turn
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(TOOLSETS))]
    toolsets: Option<Vec<String>>,
    /// Only tools that change nothing
    #[arg(long)]
    read_only: bool,
    /// No texts of people without write permission
    #[arg(long)]
    lockdown: bool,
    /// The canonical address of the tools that will see it
    #[arg(long, env = "CODEXK8S_AUDIENCE")]
    audience: Url,
}

impl IssueToken {
    /// Prints the token and nothing else on standard output: it is kept nowhere.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let expires_at = orchestrator.clock().now() + SignedDuration::from_hours(24 * self.days);
        let (audience, name) = (self.audience.as_str(), &*self.name);
        let (scope, what) = match (self.project, self.role, self.platform) {
            (Some(slug), Some(role), None) => {
                let id = project::find(&orchestrator, &slug).await?.project_id;
                (TokenScope::Project(id, role), format!("{role} of {slug}"))
            }
            (None, None, Some(role)) => (TokenScope::Platform(role), format!("{role} of the platform")),
            _ => anyhow::bail!("name a project and --role, or --platform"),
        };
        let narrowing = Narrowing {
            toolsets: self.toolsets,
            read_only: self.read_only,
            lockdown: self.lockdown,
        };
        let issued =
            credential::issue_token(&orchestrator, audience, name, scope, expires_at, narrowing).await?;
        eprintln!("{what}, until {expires_at}");
        println!("{}", issued.token.expose_secret());
        Ok(())
    }
}

pub(crate) fn platform_role(word: &str) -> Result<PlatformRole, String> {
    PlatformRole::parse(word).ok_or_else(|| "use operator, auditor or owner".to_owned())
}
