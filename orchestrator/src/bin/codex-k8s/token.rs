use clap::Args;
use jiff::SignedDuration;
use orchestrator::actor::Role;
use orchestrator::credential;
use secrecy::ExposeSecret;
use url::Url;

use crate::memory::Memory;
use crate::project;

#[derive(Debug, Args)]
pub(crate) struct IssueToken {
    #[command(flatten)]
    memory: Memory,
    /// The project's slug
    project: String,
    /// What the token is for, for its readers in the audit
    #[arg(long)]
    name: String,
    /// viewer, contributor, reviewer, maintainer or admin
    #[arg(long, value_parser = project::role)]
    role: Role,
    /// Days until it ends
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=365))]
    days: i64,
    /// The canonical address of the tools that will see it
    #[arg(long, env = "CODEXK8S_AUDIENCE")]
    audience: Url,
}

impl IssueToken {
    /// Prints the token and nothing else on standard output: it is kept nowhere.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let project = project::find(&orchestrator, &self.project).await?;
        let expires_at = orchestrator.clock().now() + SignedDuration::from_hours(24 * self.days);
        let issued = credential::issue_service_token(
            &orchestrator,
            self.audience.as_str(),
            project.project_id,
            &self.name,
            self.role,
            expires_at,
        )
        .await?;
        eprintln!("{} of {}, until {expires_at}", self.role, self.project);
        println!("{}", issued.token.expose_secret());
        Ok(())
    }
}
