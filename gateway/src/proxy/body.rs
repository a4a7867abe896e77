//! Bodies on their way, piece by piece: none is held, each is bounded in size or in silence.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::stream::{self, StreamExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::Refusal;

/// Bytes of a request; mcp-server takes less of most.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// A request's body must arrive whole within this time.
const ARRIVAL: Duration = Duration::from_secs(15);
/// A stream that says nothing for so long is broken: mcp-server sends a sign of life every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// A stream ends after this long; clients open a new one.
const MAX_STREAM: Duration = Duration::from_hours(1);

/// Why a request's body did not go on, if it did not.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate(Arc<OnceLock<StatusCode>>);

impl Fate {
    fn fail(&self, status: StatusCode) -> io::Error {
        let _ = self.0.set(status);
        io::Error::other("the request's body does not go on")
    }

    pub(super) fn refusal(&self) -> Option<Refusal> {
        let status = *self.0.get()?;
        let (error, text) = match status {
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "a request has at most 4 MiB"),
            StatusCode::REQUEST_TIMEOUT => ("stopped", "the request's body took too long to arrive"),
            _ => ("malformed", "the request's body did not arrive whole"),
        };
        Some(Refusal::new(status, error, text))
    }
}

/// A request's body as it goes on.
pub(super) fn bounded(body: Body) -> (reqwest::Body, Fate) {
    let fate = Fate::default();
    let until = Instant::now() + ARRIVAL;
    let start = (body.into_data_stream(), 0_usize, fate.clone());
    let pieces = stream::try_unfold(start, move |(mut pieces, mut bytes, fate)| async move {
        let piece = timeout_at(until, pieces.next()).await;
        let Some(piece) = piece.map_err(|_| fate.fail(StatusCode::REQUEST_TIMEOUT))? else {
            return Ok(None);
        };
        let piece = piece.map_err(|_| fate.fail(StatusCode::BAD_REQUEST))?;
        bytes += piece.len();
        if bytes > MAX_BODY_BYTES {
            return Err(fate.fail(StatusCode::PAYLOAD_TOO_LARGE));
        }
        Ok::<_, io::Error>(Some((piece, (pieces, bytes, fate))))
    });
    (reqwest::Body::wrap_stream(pieces), fate)
}

/// An answer's body as it comes back. Whoever drops it, because the client went, ends the request at mcp-server too. The
/// place is taken as long as it lives.
pub(super) fn back(answer: reqwest::Response, place: OwnedSemaphorePermit) -> Body {
    let until = Instant::now() + MAX_STREAM;
    let pieces = stream::try_unfold((answer, place), move |(mut answer, place)| async move {
        if Instant::now() >= until {
            return Ok(None);
        }
        let piece: Option<Bytes> = timeout(SILENCE, answer.chunk())
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the tools fell silent"))?
            .map_err(io::Error::other)?;
        Ok::<_, io::Error>(piece.map(|piece| (piece, (answer, place))))
    });
    Body::from_stream(pieces)
}
