//! Reading what waits for the asker.

use jiff::{SignedDuration, Timestamp};

use super::domain::{Item, Kind, MAX_ITEMS, Place, arrange, is_broken};
use super::store;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};

/// How far back it looks unless asked otherwise.
const USUAL: SignedDuration = SignedDuration::from_hours(24 * 14);
/// How far back it looks at most.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 90);

/// What waits, the most urgent first.
#[derive(Clone, Debug)]
pub struct Inbox {
    pub items: Vec<Item>,
    /// There is more than is shown.
    pub more: bool,
    pub as_of: Timestamp,
}

/// What waits for the asker: runs it started and that failed, what it asked for in vain, and what only those with its
/// rights can put right. For a program that is nothing.
///
/// # Errors
///
/// `Invalid` for a moment longer ago than 90 days.
pub async fn list(orchestrator: &Orchestrator, actor: &Actor, since: Option<Timestamp>) -> Result<Inbox> {
    let mut tx = orchestrator.look("inbox.list").await?;
    let now = tx.now();
    let since = since.unwrap_or(now - USUAL);
    if since < now - FURTHEST {
        return Err(Error::Invalid("since: at most 90 days ago".into()));
    }
    let (items, more) = arrange(found(&mut tx, actor, since).await?, usize::from(MAX_ITEMS));
    Ok(Inbox {
        items,
        more,
        as_of: now,
    })
}

async fn found(tx: &mut Tx, actor: &Actor, since: Timestamp) -> Result<Vec<Item>> {
    let Some(person_id) = actor.person_id() else {
        return Ok(Vec::new());
    };
    let person = identity::get(tx, person_id).await?;
    let readable = access::visible_projects(tx, actor, Operation::RunRead).await?;
    let mut items = store::failed_runs(tx, person_id, &readable, since).await?;
    items.extend(store::conflicts(tx, person.github_user_id, &readable, since).await?);
    let bound = access::visible_projects(tx, actor, Operation::RepositoryUpdate).await?;
    items.extend(store::suspended(tx, &bound).await?);
    let administered = access::visible_projects(tx, actor, Operation::SecretSet).await?;
    let refused = store::refused_keys(tx, &administered, since).await?;
    let broken = refused
        .into_iter()
        .filter(|key| is_broken(key.refused_at, key.succeeded_at, key.set_at));
    items.extend(broken.map(|key| Item {
        kind: Kind::BrokenCredential,
        project_id: key.project_id,
        project: key.project,
        place: Place {
            run_id: Some(key.run_id),
            ..Place::default()
        },
        reason: Some("model_auth".into()),
        sub_reason: key.sub_reason,
        at: key.refused_at,
    }));
    Ok(items)
}
