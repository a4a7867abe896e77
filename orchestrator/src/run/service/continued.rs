//! Runs that later ones go on with.

use serde_json::json;

use super::{note, queue};
use crate::actor::Actor;
use crate::error::Result;
use crate::id::RepositoryId;
use crate::postgres::Tx;
use crate::run::aggregate::Run;
use crate::run::store;

/// Ended runs of an issue, or of the pull request they opened, that left something to go on with: the newest of each
/// stage, newest first.
pub(crate) async fn continuable(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    on_pull_request: bool,
) -> Result<Vec<Run>> {
    let branch = if on_pull_request {
        let Some(run_id) = crate::effect::run_of_pull_request(tx, repository_id, number).await? else {
            return Ok(Vec::new());
        };
        store::get(tx, run_id).await?.branch
    } else {
        queue::branch_of_issue(number)
    };
    store::continuable(tx, repository_id, &branch).await
}

/// Notes that a run which did not begin yet will read one review more.
pub(crate) async fn join(tx: &mut Tx, actor: &Actor, run: &Run, review_id: i64) -> Result<()> {
    note(
        tx,
        run.run_id,
        "review_joined",
        actor,
        json!({ "review_id": review_id }),
    )
    .await
}
