//! Deliveries that GitHub sent and we never got are asked for again: GitHub itself does not repeat them.

use std::collections::BTreeMap;

use orchestrator::Orchestrator;
use orchestrator::delivery::{self, Sweep};
use orchestrator::error::{Error, Result};
use orchestrator::ports::code_host::HostDeliveryPage;
use orchestrator::ports::{CodeHost, CodeHostError};

/// Pages of the list looked at in one round; the next goes on.
const PAGES: usize = 10;
/// A round that asked for so many again ends with its page.
const REDELIVERIES: usize = 50;

/// Does a part of the search, if it is due. What was not looked at is left to the next round, however it ends.
pub(super) async fn fetch_missed(orchestrator: &Orchestrator, code_host: &dyn CodeHost) -> Result<()> {
    let Some(sweep) = delivery::begin_sweep(orchestrator).await? else {
        return Ok(());
    };
    let mut cursor = sweep.cursor.clone();
    match search(orchestrator, code_host, &sweep, &mut cursor).await {
        Ok(true) => delivery::end_sweep(orchestrator, &sweep).await,
        Ok(false) => delivery::pause_sweep(orchestrator, cursor.as_deref()).await,
        Err(error) => {
            delivery::pause_sweep(orchestrator, cursor.as_deref()).await?;
            Err(error)
        }
    }
}

/// Goes from page to page, and leaves `cursor` at the first that was not looked at. Answers whether it came to the end.
async fn search(
    orchestrator: &Orchestrator,
    code_host: &dyn CodeHost,
    sweep: &Sweep,
    cursor: &mut Option<String>,
) -> Result<bool> {
    let mut asked = 0;
    for _ in 0..PAGES {
        let page = match code_host.deliveries(cursor.as_deref()).await {
            Ok(page) => page,
            Err(error) => {
                if matches!(error, CodeHostError::Refused { .. } | CodeHostError::NotFound(_)) {
                    // It may be the place that it does not know any more.
                    *cursor = None;
                }
                return Err(away(&error));
            }
        };
        asked += ask_again(orchestrator, code_host, sweep, &page).await?;
        let reached = page
            .deliveries
            .last()
            .is_some_and(|oldest| oldest.delivered_at < sweep.since);
        if reached || page.older.is_none() {
            return Ok(true);
        }
        *cursor = page.older;
        if asked >= REDELIVERIES {
            break;
        }
    }
    Ok(false)
}

/// Asks for those of a page that never arrived; answers how many.
async fn ask_again(
    orchestrator: &Orchestrator,
    code_host: &dyn CodeHost,
    sweep: &Sweep,
    page: &HostDeliveryPage,
) -> Result<usize> {
    // A GUID may have several attempts, the newest first; one that arrived is enough.
    let mut newest = BTreeMap::new();
    for found in &page.deliveries {
        if found.delivered_at >= sweep.since {
            newest.entry(found.guid.clone()).or_insert(found.host_delivery_id);
        }
    }
    let guids: Vec<String> = newest.keys().cloned().collect();
    let missing = delivery::missing(orchestrator, &guids).await?;
    for guid in &missing {
        let Some(&host_delivery_id) = newest.get(guid) else {
            continue;
        };
        match code_host.redeliver(host_delivery_id).await {
            Ok(()) => tracing::info!(guid, "asked for a missed delivery again"),
            // The whole host is away, not this one delivery.
            Err(error @ (CodeHostError::Unavailable(_) | CodeHostError::RateLimited { .. })) => {
                return Err(away(&error));
            }
            Err(error) => {
                tracing::warn!(guid, %error, "a missed delivery cannot be had now; the next search tries again");
            }
        }
    }
    Ok(missing.len())
}

fn away(error: &CodeHostError) -> Error {
    Error::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
