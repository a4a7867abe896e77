//! A stored delivery as material for a trial of rules.

use super::case::Case;
use super::domain;
use super::service::authorized;
use super::store;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{DeliveryId, ProjectId};
use crate::postgres::Tx;
use crate::project::access::Operation;
use crate::trigger::{Event, Facts};

/// What a delivery says, and what the platform knows beside it; nothing was looked at at the code host.
pub(crate) struct Known {
    pub(crate) event: Event,
    pub(crate) facts: Facts,
    /// Of the issue, as the payload shows them.
    pub(crate) labels: Vec<String>,
    pub(crate) open: bool,
}

/// Reads a delivery of a project once more. Reading notes what the payload tells, as it does when a delivery comes: the
/// caller must not commit.
///
/// # Errors
///
/// `NotFound` also for one of another project, `Forbidden`, or `Precondition` if its body is gone or cannot be read.
pub(crate) async fn what_is_known(
    tx: &mut Tx,
    actor: &Actor,
    project_id: ProjectId,
    delivery_id: DeliveryId,
) -> Result<Known> {
    let delivery = authorized(tx, actor, Operation::DeliveryRead, delivery_id).await?;
    if delivery.project_id != Some(project_id) {
        return Err(Error::not_found("delivery", delivery_id));
    }
    let stored = store::get_for_update(tx, delivery_id).await?;
    let body = stored.body.as_deref().ok_or_else(|| {
        Error::Precondition("the delivery's body is not kept any more; try a sample instead".into())
    })?;
    let payload = domain::parse(stored.content_type.as_deref(), body).ok_or_else(|| {
        Error::Precondition("the delivery's body cannot be read; try a sample instead".into())
    })?;
    let mut case = Case::new(&stored, None);
    case.read(tx, &stored.delivery.event, &payload).await?;
    let facts = case.facts(tx, None).await?;
    let item = payload.issue.as_ref().or(payload.pull_request.as_ref());
    let labels = item.and_then(|item| item.labels.as_ref()).into_iter().flatten();
    Ok(Known {
        event: case.event,
        facts,
        labels: labels.filter_map(|label| label.name.clone()).collect(),
        open: item.and_then(|item| item.state.as_deref()) == Some("open"),
    })
}
