//! Whatever bears our labels and is not current is removed by its UID.

use orchestrator::error::{Error, Result};
use orchestrator::ports::ClusterError;
use orchestrator::ports::cluster::OwnedObject;
use orchestrator::run;

use crate::Hands;

/// Younger objects may belong to a start in progress.
const GRACE_SECONDS: i64 = 60;

pub(super) async fn sweep(hands: &Hands) -> Result<()> {
    let owned = hands
        .cluster
        .list_owned()
        .await
        .map_err(|error| unavailable(&error))?;
    for object in owned {
        if object.age_seconds >= GRACE_SECONDS
            && let Err(error) = remove_unwanted(hands, &object).await
        {
            // The others are looked at all the same.
            tracing::warn!(kind = ?object.kind, name = object.name, %error, "an orphan was not removed");
        }
    }
    Ok(())
}

async fn remove_unwanted(hands: &Hands, object: &OwnedObject) -> Result<()> {
    let wanted = match &object.key {
        Some(key) => run::still_wanted(&hands.orchestrator, key).await?,
        None => false,
    };
    if wanted {
        return Ok(());
    }
    tracing::info!(kind = ?object.kind, name = object.name, "removing an orphan");
    hands
        .cluster
        .remove_owned(object)
        .await
        .map_err(|error| unavailable(&error))
}

fn unavailable(error: &ClusterError) -> Error {
    Error::Unavailable(error.to_string())
}
