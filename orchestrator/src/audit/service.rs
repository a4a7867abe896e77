use super::store;
use crate::actor::Actor;
use crate::error::Result;
use crate::id::ProjectId;
use crate::postgres::Tx;

/// The rule of a refusal that its asker hears as "not found".
pub(crate) const NOT_VISIBLE: &str = "not visible";

/// One decision about one act.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub actor: &'a Actor,
    /// `run_cancel`, `person_disable`.
    pub operation: &'a str,
    pub object_kind: &'a str,
    pub object_id: &'a str,
    pub project_id: Option<ProjectId>,
    pub allowed: bool,
    /// What decided it, in a person's words.
    pub rule: &'a str,
}

/// Writes down what the platform itself did, by its command line or a seed.
pub async fn record_own(
    tx: &mut Tx,
    actor: &Actor,
    operation: &str,
    (object_kind, object_id): (&str, impl ToString),
    project_id: Option<ProjectId>,
) -> Result<()> {
    record_done(
        tx,
        actor,
        operation,
        (object_kind, object_id),
        project_id,
        "system",
    )
    .await
}

/// Writes down what was done, and the rule that allowed it.
pub(crate) async fn record_done(
    tx: &mut Tx,
    actor: &Actor,
    operation: &str,
    (object_kind, object_id): (&str, impl ToString),
    project_id: Option<ProjectId>,
    rule: &str,
) -> Result<()> {
    let entry = Entry {
        actor,
        operation,
        object_kind,
        object_id: &object_id.to_string(),
        project_id,
        allowed: true,
        rule,
    };
    record(tx, &entry).await
}

/// Writes a decision down, in the transaction of the act.
pub async fn record(tx: &mut Tx, entry: &Entry<'_>) -> Result<()> {
    store::insert(tx, entry).await
}
