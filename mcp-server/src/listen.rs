//! `subscriptions/listen`: a stream that says which of the caller's runs, and of the lists it looks at, have changed.
//!
//! What a stream says is checked when it says it: the thing must be visible to the caller then, and its token must count.
//! An address of something that the caller may not see is taken like one of what is not there: it stays silent.

use std::collections::BTreeSet;
use std::time::Duration;

use orchestrator::actor::Actor;
use orchestrator::postgres::listen::{Notice, Topic};
use orchestrator::project::access::{self, Operation, Target};
use orchestrator::{Result, credential, run};
use rmcp::model::{ErrorData, SubscriptionFilter};
use rmcp::service::SubscriptionContext;
use tokio::time::Instant;
use uuid::Uuid;

use self::address::{Address, List};
use crate::server::{Caller, Server, caller};

pub(crate) mod address;

/// Addresses of one stream at most; more are left out of what is acknowledged.
pub(crate) const ADDRESSES: usize = 32;
/// The token of a stream is looked at this often at least, so that a revocation ends it within 5 seconds.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// News of one thing that come together are said once.
const TOGETHER: Duration = Duration::from_millis(500);
/// Projects of which a stream remembers that something happened, until it looks; of more it looks as if it had been all.
const PROJECTS: usize = 64;

const TOPICS: [Topic; 4] = [Topic::Run, Topic::Runs, Topic::Slots, Topic::Deliveries];

/// What a stream can be about.
pub(crate) fn accepted(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let asked = requested.resource_subscriptions.iter().flatten();
    let known: Vec<&String> = asked
        .filter(|uri| Address::parse(uri).is_some())
        .take(ADDRESSES)
        .collect();
    if known.is_empty() {
        return SubscriptionFilter::new();
    }
    SubscriptionFilter::builder()
        .resource_subscriptions(known)
        .build()
}

/// What happened since a stream last looked.
struct News<'a> {
    about: &'a BTreeSet<Address>,
    of: BTreeSet<Address>,
    /// Where something happened that may be in the caller's inbox; none stands for anywhere.
    projects: Option<BTreeSet<Uuid>>,
}

impl<'a> News<'a> {
    /// What happened before anybody listened may have been about anything.
    fn of_all(about: &'a BTreeSet<Address>) -> Self {
        Self {
            about,
            of: about.clone(),
            projects: None,
        }
    }

    /// Answers whether this is anything new.
    fn take(&mut self, notice: &Notice) -> bool {
        let Ok(id) = notice.key.parse() else { return false };
        let list = |list| Address::List(id, list);
        let address = match notice.topic {
            Topic::Run => Address::Run(id),
            Topic::Runs => list(List::Runs),
            Topic::Slots => list(List::Slots),
            Topic::Deliveries => list(List::Deliveries),
            _ => return false,
        };
        let new = self.about.contains(&address) && self.of.insert(address);
        let waits = matches!(notice.topic, Topic::Runs | Topic::Deliveries);
        if !waits || !self.about.contains(&Address::Inbox) {
            return new;
        }
        let first = self.of.insert(Address::Inbox);
        if first {
            self.projects = Some(BTreeSet::new());
        }
        if let Some(projects) = &mut self.projects {
            projects.insert(id);
            if projects.len() > PROJECTS {
                self.projects = None;
            }
        }
        new || first
    }
}

impl Server {
    /// Serves a stream until its client goes, its token ends or the process does.
    pub(crate) async fn stream(&self, stream: &SubscriptionContext) -> std::result::Result<(), ErrorData> {
        let caller = caller(stream.request_context())?;
        let addresses = stream.accepted().resource_subscriptions.iter().flatten();
        let about: BTreeSet<Address> = addresses.filter_map(|uri| Address::parse(uri)).collect();
        tokio::select! {
            () = stream.cancelled() => {}
            () = self.stop().cancelled() => {}
            () = self.say(stream, &caller, &about) => {}
        }
        Ok(())
    }

    async fn say(&self, stream: &SubscriptionContext, caller: &Caller, about: &BTreeSet<Address>) {
        let mut ear = self.orchestrator().notices().subscribe();
        // What happened after the acknowledgement and before this may be news of anything.
        let mut news = News::of_all(about);
        let mut deadline = Instant::now();
        loop {
            loop {
                match ear.next(&TOPICS, deadline).await {
                    Some(notice) => {
                        if news.take(&notice) {
                            deadline = deadline.min(Instant::now() + TOGETHER);
                        }
                    }
                    // Some news were missed: each may have been of anything.
                    None if Instant::now() < deadline => news = News::of_all(about),
                    None => break,
                }
            }
            let counts = credential::still_counts(self.orchestrator(), caller.token_id).await;
            if !matches!(counts, Ok(true)) {
                return;
            }
            for address in &news.of {
                let said = match self.sees(caller, address, news.projects.as_ref()).await {
                    Ok(true) => stream.sink().notify_resource_updated(address.to_string()).await,
                    Ok(false) => continue,
                    // Its client comes again, and looks.
                    Err(_) => return,
                };
                if said.is_err() {
                    return;
                }
            }
            news.of.clear();
            deadline = Instant::now() + LOOK_EVERY;
        }
    }

    /// Whether the caller could read this now. A stream looks often, so a "no" is no denial for the audit.
    async fn sees(
        &self,
        caller: &Caller,
        address: &Address,
        happened: Option<&BTreeSet<Uuid>>,
    ) -> Result<bool> {
        if !self.has_tool(caller, address.tool()).await? {
            return Ok(false);
        }
        match address {
            Address::Run(run_id) => self.sees_run(caller, *run_id).await,
            Address::List(project_id, list) => {
                let mut tx = self.orchestrator().look("subscription.sees_list").await?;
                let only = Some((*project_id).into());
                let seen = access::visible_of(&mut tx, &caller.actor, list.operation(), only).await?;
                Ok(!seen.is_empty())
            }
            // What happens in others' projects is not to be heard by the rhythm of one's own inbox.
            Address::Inbox => {
                let Some(happened) = happened else { return Ok(true) };
                let mut tx = self.orchestrator().look("subscription.sees_inbox").await?;
                let seen = access::visible_projects(&mut tx, &caller.actor, Operation::RunRead).await?;
                Ok(seen.iter().any(|project| happened.contains(&project.uuid())))
            }
        }
    }

    async fn sees_run(&self, caller: &Caller, run_id: Uuid) -> Result<bool> {
        let system = Actor::System("subscription");
        let run = match run::get(self.orchestrator(), &system, run_id.into()).await {
            Ok(run) => run,
            Err(orchestrator::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut tx = self.orchestrator().look("subscription.sees").await?;
        let target = Target::new(run.project_id, "run", run_id).of_run(run.run_id, run.started_by);
        access::allows(&mut tx, &caller.actor, Operation::RunRead, &target).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_listened_to_and_not_too_much() {
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

    #[test]
    fn a_notice_is_news_of_what_was_asked_about_and_once() {
        let project = Uuid::now_v7();
        let about = BTreeSet::from([Address::List(project, List::Runs), Address::Inbox]);
        let mut news = News::of_all(&about);
        news.of.clear();
        let notice = |topic, id: Uuid| Notice {
            topic,
            key: id.to_string(),
        };
        assert!(!news.take(&notice(Topic::Slots, project)), "nobody asked");
        assert!(news.take(&notice(Topic::Runs, project)));
        assert!(!news.take(&notice(Topic::Runs, project)), "said together");
        assert_eq!(news.of, about);
        assert_eq!(news.projects, Some(BTreeSet::from([project])));
        for _ in 0..PROJECTS {
            news.take(&notice(Topic::Deliveries, Uuid::now_v7()));
        }
        assert_eq!(news.projects, None, "too many to remember");
    }
}
