//! Reading a body within its bounds.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt;
use orchestrator::delivery::MAX_BODY_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::headers::too_large;
use crate::answer::Refusal;

/// A body over this is big: only some are held at once.
pub(super) const BIG_BYTES: usize = 1024 * 1024;

/// Reads a body of at most [`MAX_BODY_BYTES`]. A big one waits for its turn, and keeps it as long as the permit lives.
pub(super) async fn read(
    body: Body,
    length: Option<usize>,
    turns: &Arc<Semaphore>,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Refusal> {
    let mut turn = None;
    let mut read = Vec::with_capacity(length.unwrap_or_default().min(BIG_BYTES));
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| broken(&error))?;
        if read.len() + piece.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        if read.len() + piece.len() > BIG_BYTES && turn.is_none() {
            // The semaphore is never closed.
            turn = Arc::clone(turns).acquire_owned().await.ok();
        }
        read.extend_from_slice(&piece);
    }
    Ok((read, turn))
}

fn broken(error: &axum::Error) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        format!("the body ended early: {error}"),
    )
}
