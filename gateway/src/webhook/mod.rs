//! `POST /webhooks/github`: size, signature, insert, 202. What is in the body is nobody's business here.
//!
//! Who has proven nothing holds nothing but a connection and the bytes it sent: those are bounded together, in time and
//! in number. A place among the requests is for what is genuine.

mod body;
mod headers;
mod secrets;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use orchestrator::Orchestrator;
use orchestrator::delivery::{Inbox, NewDelivery, Received};
use tokio::sync::Semaphore;

pub use secrets::Secrets;

use self::body::Room;
use self::headers::Head;
use crate::answer::{Accepted, Refusal};

/// GitHub closes the connection after 10 s.
const DEADLINE: Duration = Duration::from_secs(9);
/// Genuine deliveries kept at once; one more is asked to come again.
const MAX_REQUESTS: usize = 256;
/// A body above this is hashed off the threads that serve the others.
const BIG_BYTES: usize = 1024 * 1024;

/// All that a request needs.
#[derive(Clone)]
pub(crate) struct Doorway {
    inbox: Inbox,
    secrets: Arc<Secrets>,
    requests: Arc<Semaphore>,
    room: Room,
}

impl Doorway {
    pub(crate) fn new(orchestrator: &Orchestrator, secrets: Secrets) -> Self {
        Self {
            inbox: Inbox::open(orchestrator),
            secrets: Arc::new(secrets),
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            room: Room::new(),
        }
    }
}

pub(crate) async fn receive(State(doorway): State<Doorway>, request: Request) -> Response {
    let begun = Instant::now();
    let served = tokio::time::timeout(DEADLINE, serve(&doorway, request)).await;
    let served = served.unwrap_or_else(|_| {
        Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            format!(
                "the delivery was not received and kept within {} s",
                DEADLINE.as_secs()
            ),
        ))
    });
    let result = match &served {
        Ok(Received { duplicate: false, .. }) => "accepted",
        Ok(Received { duplicate: true, .. }) => "duplicate",
        Err(refusal) => refusal.error,
    };
    metrics::counter!("codex_deliveries_total", "result" => result).increment(1);
    metrics::histogram!("codex_delivery_request_seconds").record(begun.elapsed().as_secs_f64());
    served.map(Accepted::from).into_response()
}

async fn serve(doorway: &Doorway, request: Request) -> Result<Received, Refusal> {
    let (parts, body) = request.into_parts();
    let head = Head::read(&parts.headers)?;
    let mut arrived = body::read(body, &doorway.room).await?;
    let body = verify(doorway, &head, std::mem::take(&mut arrived.bytes)).await?;
    let Ok(_served) = doorway.requests.try_acquire() else {
        return Err(Refusal::later(
            "busy",
            "too many deliveries at once; send it again later",
        ));
    };
    let new = NewDelivery {
        guid: head.guid,
        event: head.event,
        content_type: Some(head.content_type),
        body,
        traceparent: head.traceparent,
    };
    Ok(doorway.inbox.receive(new).await?)
}

async fn verify(doorway: &Doorway, head: &Head, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let (secrets, signature) = (Arc::clone(&doorway.secrets), head.signature);
    let small = body.len() <= BIG_BYTES;
    let check = move || (secrets.verify(&body, &signature), body);
    let (genuine, body) = if small {
        check()
    } else {
        tokio::task::spawn_blocking(check)
            .await
            .map_err(|error| Refusal::later("unavailable", format!("the check did not end: {error}")))?
    };
    if genuine {
        Ok(body)
    } else {
        Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "forged",
            "X-Hub-Signature-256 does not fit the body: the webhook's secret at GitHub and here must be the same",
        ))
    }
}
