//! Who is in the groups that membership rules speak of: asked every hour, and when GitHub says that something changed.

use jiff::SignedDuration;
use orchestrator::Orchestrator;
use orchestrator::error::Result;
use orchestrator::identity::rule::{self, Claim};
use orchestrator::ports::CodeHost;
use orchestrator::ports::code_host::CodeHostError;

/// Pages of one group, 100 members each. A larger one is not listed: who is not on the pages seen would lose a role.
const PAGES: usize = 50;

/// Lists the groups that are due, one after the other.
pub(super) async fn recheck(orchestrator: &Orchestrator, code_host: &dyn CodeHost) -> Result<()> {
    while let Some(claim) = rule::claim(orchestrator).await? {
        match list(code_host, &claim).await {
            Ok(members) => {
                let changed = rule::listed(orchestrator, &claim, &members).await?;
                count("listed");
                if !changed.is_empty() {
                    let (group, people) = (&claim.group, changed.len());
                    tracing::info!(?group, people, "roles that rules give have changed");
                }
            }
            Err(error) => {
                count("failed");
                tracing::warn!(group = ?claim.group, %error, "members cannot be listed; all roles stay as they are");
                rule::not_listed(orchestrator, &claim, &error.to_string(), wait(&error)).await?;
            }
        }
    }
    Ok(())
}

/// The ids of all members. All or nothing: half a list proves of nobody that it left.
async fn list(code_host: &dyn CodeHost, claim: &Claim) -> std::result::Result<Vec<i64>, CodeHostError> {
    let mut members = Vec::new();
    let mut next = None;
    for _ in 0..PAGES {
        let page = code_host.members(&claim.group, next.as_deref());
        let page = page.await?;
        members.extend(page.members.iter().map(|member| member.github_user_id));
        next = page.next;
        if next.is_none() {
            return Ok(members);
        }
    }
    let most = PAGES * 100;
    Err(CodeHostError::Refused {
        status: 413,
        message: format!("the group has more than {most} members; name a team in the rule"),
    })
}

fn wait(error: &CodeHostError) -> Option<SignedDuration> {
    match error {
        CodeHostError::RateLimited { retry_after, .. } => SignedDuration::try_from(*retry_after).ok(),
        _ => None,
    }
}

fn count(result: &'static str) {
    metrics::counter!("codex_membership_checks_total", "result" => result).increment(1);
}

#[cfg(test)]
mod tests;
