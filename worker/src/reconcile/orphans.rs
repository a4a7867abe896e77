//! Whatever bears our labels and is not current is removed by its UID.

use orchestrator::error::{Error, Result};
use orchestrator::run;

use crate::Hands;

/// Younger objects may belong to a start in progress.
const GRACE_SECONDS: i64 = 60;

pub(super) async fn sweep(hands: &Hands) -> Result<()> {
    let unavailable = |error: orchestrator::ports::ClusterError| Error::Unavailable(error.to_string());
    for object in hands.cluster.list_owned().await.map_err(unavailable)? {
        if object.age_seconds < GRACE_SECONDS {
            continue;
        }
        let wanted = match &object.key {
            Some(key) => run::still_wanted(&hands.orchestrator, key).await?,
            None => false,
        };
        if !wanted {
            tracing::info!(kind = ?object.kind, name = object.name, "removing an orphan");
            hands.cluster.remove_owned(&object).await.map_err(unavailable)?;
        }
    }
    Ok(())
}
