//! `subscriptions/listen`: a stream that says which of the caller's runs have changed.
//!
//! What a stream says is checked when it says it: the run must be visible to the caller then, and its token must count.
//! An address of a run that the caller may not see is taken like one of a run that is not there: it stays silent.

use std::collections::BTreeSet;
use std::time::Duration;

use orchestrator::actor::Actor;
use orchestrator::postgres::listen::Topic;
use orchestrator::project::access::{self, Operation, Target};
use orchestrator::{Result, credential, run};
use rmcp::model::{ErrorData, SubscriptionFilter};
use rmcp::service::SubscriptionContext;
use tokio::time::Instant;
use uuid::Uuid;

use crate::resource::run_of;
use crate::server::{Caller, Server, caller};

/// Addresses of one stream at most; more are left out of what is acknowledged.
pub(crate) const ADDRESSES: usize = 32;
/// The token of a stream is looked at this often at least, so that a revocation ends it within 5 seconds.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// News of one run that come together are said once.
const TOGETHER: Duration = Duration::from_millis(500);

/// What a stream can be about.
pub(crate) fn accepted(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let asked = requested.resource_subscriptions.iter().flatten();
    let runs: Vec<&String> = asked
        .filter(|uri| run_of(uri).is_some())
        .take(ADDRESSES)
        .collect();
    if runs.is_empty() {
        return SubscriptionFilter::new();
    }
    SubscriptionFilter::builder().resource_subscriptions(runs).build()
}

impl Server {
    /// Serves a stream until its client goes, its token ends or the process does.
    pub(crate) async fn stream(&self, stream: &SubscriptionContext) -> std::result::Result<(), ErrorData> {
        let caller = caller(stream.request_context())?;
        let addresses = stream.accepted().resource_subscriptions.iter().flatten();
        let runs: BTreeSet<Uuid> = addresses.filter_map(|uri| run_of(uri)).collect();
        tokio::select! {
            () = stream.cancelled() => {}
            () = self.stop().cancelled() => {}
            () = self.say(stream, &caller, &runs) => {}
        }
        Ok(())
    }

    async fn say(&self, stream: &SubscriptionContext, caller: &Caller, runs: &BTreeSet<Uuid>) {
        let mut ear = self.orchestrator().notices().subscribe();
        // What happened after the acknowledgement and before this may be news of any run.
        let mut news = runs.clone();
        let mut deadline = Instant::now();
        loop {
            loop {
                match ear.next(Topic::Run, deadline).await {
                    Some(key) => {
                        if key
                            .parse()
                            .is_ok_and(|run_id| runs.contains(&run_id) && news.insert(run_id))
                        {
                            deadline = deadline.min(Instant::now() + TOGETHER);
                        }
                    }
                    // Some news were missed: each may have been of any run.
                    None if Instant::now() < deadline => news.extend(runs),
                    None => break,
                }
            }
            let counts = credential::still_counts(self.orchestrator(), caller.token_id).await;
            if !matches!(counts, Ok(true)) {
                return;
            }
            for run_id in std::mem::take(&mut news) {
                let said = match self.sees(caller, run_id).await {
                    Ok(true) => {
                        stream
                            .sink()
                            .notify_resource_updated(format!("run://{run_id}"))
                            .await
                    }
                    Ok(false) => continue,
                    // Its client comes again, and looks.
                    Err(_) => return,
                };
                if said.is_err() {
                    return;
                }
            }
            deadline = Instant::now() + LOOK_EVERY;
        }
    }

    /// Whether the caller could read this run now. A stream looks often, so a "no" is no denial for the audit.
    async fn sees(&self, caller: &Caller, run_id: Uuid) -> Result<bool> {
        if !self.has_tool(caller, "run_get").await? {
            return Ok(false);
        }
        let system = Actor::System("subscription");
        let run = run::get(self.orchestrator(), &system, run_id.into()).await?;
        let mut tx = self.orchestrator().look("subscription.sees").await?;
        let target = Target::new(run.project_id, "run", run_id).of_run(run.run_id, run.started_by);
        access::allows(&mut tx, &caller.actor, Operation::RunRead, &target).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_are_listened_to_and_not_too_many() {
        let uris = (0..100).map(|_| format!("run://{}", Uuid::now_v7()));
        let asked = SubscriptionFilter::builder()
            .tools_list_changed()
            .resource_subscriptions(uris.chain(["file:///etc/passwd".to_owned()]))
            .build();
        let got = accepted(&asked);
        assert_eq!(got.resource_subscriptions.as_ref().map(Vec::len), Some(ADDRESSES));
        assert_eq!(got.tools_list_changed, None);
        let other = SubscriptionFilter::builder()
            .resource_subscription("x://y")
            .build();
        assert_eq!(accepted(&other), SubscriptionFilter::new());
    }
}
