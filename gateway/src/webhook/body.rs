//! Reading a body within its bounds: nobody has proven anything yet.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt;
use orchestrator::delivery::MAX_BODY_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::headers::too_large;
use crate::answer::Refusal;

/// Bytes of all bodies held at once: they bound the program's memory.
const MAX_HELD_BYTES: usize = 32 * 1024 * 1024;
/// The next piece of a body must be here, and find room, within this time.
const PIECE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where all bodies are held.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Self::of(MAX_HELD_BYTES)
    }

    fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }
}

/// A body, which takes room as long as it lives.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Reads a body of at most [`MAX_BODY_BYTES`]. It takes room as it comes, so what is only announced takes none.
pub(super) async fn read(body: Body, room: &Room) -> Result<Held, Refusal> {
    let mut bytes = Vec::new();
    let mut taken: Option<OwnedSemaphorePermit> = None;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = timeout(PIECE_TIMEOUT, pieces.next())
        .await
        .map_err(|_| stopped())?
    {
        let piece = piece.map_err(|error| broken(&error))?;
        if bytes.len() + piece.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        let more = u32::try_from(piece.len()).map_err(|_| too_large())?;
        let more = timeout(PIECE_TIMEOUT, Arc::clone(&room.0).acquire_many_owned(more)).await;
        let Ok(Ok(more)) = more else {
            return Err(no_room());
        };
        match &mut taken {
            Some(taken) => taken.merge(more),
            None => taken = Some(more),
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Held { bytes, _room: taken })
}

fn broken(error: &axum::Error) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        format!("the body ended early: {error}"),
    )
}

fn stopped() -> Refusal {
    let message = format!("nothing of the body came for {} s", PIECE_TIMEOUT.as_secs());
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "stopped", message)
}

fn no_room() -> Refusal {
    Refusal::later("busy", "too many large deliveries at once; send it again later")
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn of(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, std::io::Error>(*piece))
            .collect();
        Body::from_stream(stream::iter(pieces))
    }

    /// Its pieces come, and then nothing.
    fn hanging(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok::<_, std::io::Error>(*piece))
            .collect();
        Body::from_stream(stream::iter(pieces).chain(stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn all_bodies_share_one_room() {
        let room = Room::of(10);
        let first = read(of(&["123", "456"]), &room).await.expect("there is room");
        assert_eq!(first.bytes, b"123456");
        let refused = read(of(&["1234", "5"]), &room).await.expect_err("there is none");
        assert_eq!(refused.error, "busy");
        // What was refused takes no room; what is done with gives it back, also to one that waits.
        let waiting = tokio::spawn({
            let room = room.clone();
            async move { read(of(&["1234", "567890"]), &room).await }
        });
        tokio::task::yield_now().await;
        drop(first);
        let second = waiting.await.expect("no panic").expect("there is room now");
        assert_eq!(second.bytes, b"1234567890");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_refused_long_before_the_deadline() {
        let room = Room::of(10);
        let begun = tokio::time::Instant::now();
        let refused = read(hanging(&["123"]), &room).await.expect_err("it never ends");
        assert_eq!(refused.error, "stopped");
        assert!(begun.elapsed() < super::super::DEADLINE / 2);
        assert_eq!(room.0.available_permits(), 10);
    }
}
