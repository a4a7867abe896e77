//! What tests of deliveries share: a project, a labelled issue, and a code host that answers what the test says.

use orchestrator::delivery::{self, Examined, HostRead, NewDelivery, Received, Verdict};
use orchestrator::effect::{self, Effect, Write};
use orchestrator::id::DeliveryId;
use orchestrator::page::PageAsk;
use orchestrator::ports::code_host::{HostAccount, HostIssue, HostPermission};
use orchestrator::testing::{Seeded, TestDb, seed};
use orchestrator::trace::TraceParent;
use orchestrator::{Actor, Orchestrator};
use serde_json::{Value, json};

/// The account our App acts as.
pub(crate) const OWN: Option<i64> = Some(99);
pub(crate) const BODY: &str = "Please fix the price.";

pub(crate) struct Inbox {
    pub(crate) db: TestDb,
    pub(crate) orchestrator: Orchestrator,
    pub(crate) project: Seeded,
}

impl Inbox {
    pub(crate) async fn new() -> Self {
        let db = TestDb::new().await;
        let orchestrator = db.orchestrator().await;
        let project = seed(&orchestrator, "alpha", 1, 2).await.unwrap();
        Self {
            db,
            orchestrator,
            project,
        }
    }

    pub(crate) async fn receive(&self, guid: &str, event: &str, payload: &Value) -> Received {
        let new = NewDelivery {
            guid: guid.into(),
            event: event.into(),
            content_type: Some("application/json".into()),
            body: payload.to_string().into_bytes(),
            traceparent: TraceParent::begin(),
        };
        delivery::receive(&self.orchestrator, new).await.unwrap()
    }

    /// Works on a delivery as the worker does; the code host answers `read`.
    pub(crate) async fn work(&self, delivery_id: DeliveryId, read: &HostRead) -> Verdict {
        match delivery::examine(&self.orchestrator, delivery_id, OWN)
            .await
            .unwrap()
        {
            Examined::Settled(verdict) => verdict,
            Examined::Look(_) => delivery::settle(&self.orchestrator, delivery_id, OWN, read.clone())
                .await
                .unwrap(),
        }
    }

    pub(crate) async fn verdict(&self, guid: &str, event: &str, payload: &Value, read: &HostRead) -> Verdict {
        let received = self.receive(guid, event, payload).await;
        self.work(received.delivery_id, read).await
    }

    /// The verdict on one that the platform settles without a look at the code host.
    pub(crate) async fn settled(&self, guid: &str, event: &str, payload: &Value) -> Verdict {
        let received = self.receive(guid, event, payload).await;
        match delivery::examine(&self.orchestrator, received.delivery_id, OWN)
            .await
            .unwrap()
        {
            Examined::Settled(verdict) => verdict,
            Examined::Look(look) => panic!("looks at {look:?}"),
        }
    }

    /// Bodies of the plain comments that were staged.
    pub(crate) async fn comments(&self) -> Vec<String> {
        let effects = self.effects().await.into_iter();
        effects
            .filter_map(|effect| {
                if let Write::Comment { body } = effect.write {
                    Some(body)
                } else {
                    None
                }
            })
            .collect()
    }

    pub(crate) async fn effects(&self) -> Vec<Effect> {
        let page = PageAsk::new(None, None).unwrap();
        effect::list(&self.orchestrator, &Actor::System("test"), None, page)
            .await
            .unwrap()
            .items
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.db.pool()).await.unwrap()
    }
}

/// `issues` labelled by the project's maintainer.
pub(crate) fn labeled(label: &str, updated_at: &str) -> Value {
    json!({
        "action": "labeled",
        "label": { "name": label },
        "issue": {
            "number": 1, "title": "Price", "state": "open", "body": BODY, "labels": [{ "name": label }],
            "user": { "id": 8, "login": "eve" }, "html_url": "http://github.test/octo/alpha/issues/1",
            "updated_at": updated_at
        },
        "repository": { "id": 5001, "default_branch": "main" },
        "sender": { "id": 1001, "login": "renamed-meanwhile", "type": "User" }
    })
}

/// The issue as a stranger wrote it, labelled by somebody with write.
pub(crate) fn open_issue(labels: &[&str]) -> HostRead {
    HostRead {
        issue: Some(HostIssue {
            number: 1,
            title: "Price".into(),
            body: BODY.into(),
            open: true,
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
            author: Some(HostAccount {
                github_user_id: 8,
                login: "eve".into(),
            }),
            url: "http://github.test/octo/alpha/issues/1".into(),
            is_pull_request: false,
            updated_at: "2026-11-23T10:00:01Z".parse().unwrap(),
        }),
        sender_permission: HostPermission::Write,
        author_permission: HostPermission::None,
    }
}

/// The same, changed.
pub(crate) fn changed(read: HostRead, change: impl FnOnce(&mut HostIssue)) -> HostRead {
    let mut read = read;
    if let Some(issue) = &mut read.issue {
        change(issue);
    }
    read
}

pub(crate) const T0: &str = "2026-11-23T10:00:00Z";
pub(crate) const T1: &str = "2026-11-23T11:00:00Z";
pub(crate) const T2: &str = "2026-11-23T12:00:00Z";
