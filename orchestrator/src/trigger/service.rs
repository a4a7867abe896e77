use super::{Rule, Source, rule, store};
use crate::error::Result;
use crate::id::ProjectId;
use crate::postgres::Tx;

/// Gives a new project the rules every project begins with. Asking twice changes nothing.
pub async fn seed_rules(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    store::insert(tx, project_id, &rule::seeded()).await
}

/// The rules of a project that are switched on, in the order of asking.
pub async fn rules(tx: &mut Tx, project_id: ProjectId, source: Source) -> Result<Vec<Rule>> {
    store::enabled(tx, project_id, source).await
}
