//! The controllers: each compares what is wanted with what is there, after every change.

mod garbage;
mod job;
mod job_status;
mod namespace;
mod quota;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How long changes are gathered before the controllers look: many come together.
const GATHER: Duration = Duration::from_millis(5);

/// How often they look without a change, for deadlines and times to live.
const TICK: Duration = Duration::from_millis(500);

/// Runs all controllers until `stop`.
pub(crate) async fn run(store: Arc<Store>, stop: CancellationToken) {
    let mut changes = store.changes();
    let mut jobs = job::Jobs::default();
    loop {
        changes.mark_unchanged();
        store.write(|state| {
            jobs.reconcile(state);
            garbage::reconcile(state);
            namespace::reconcile(state);
            quota::reconcile(state);
        });
        tokio::select! {
            () = stop.cancelled() => return,
            woken = changes.changed() => if woken.is_err() { return },
            () = tokio::time::sleep(TICK) => {}
        }
        tokio::time::sleep(GATHER).await;
    }
}
