//! Serving HTTP, for public and internal ports alike: every connection is bounded in time, number and memory.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::Shutdown;

/// Connections of one port; one more waits in the system's queue.
const MAX_CONNECTIONS: u32 = 2048;
/// The head of a request must be here this long after the last answer: an idle connection ends too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one connection that were received and not yet read; a longer head is 431.
const BUFFER_BYTES: usize = 32 * 1024;
/// After the system refused a connection, for example because no more files may be open.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes a port; port 0 takes any free one.
///
/// # Errors
///
/// The port is taken or not allowed; the text names it.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: end what uses the port, or choose another"))
}

/// Serves HTTP/1.1 until `shutdown` begins, then lets requests in flight end, for at most `grace`.
///
/// Handlers may ask for `ConnectInfo<SocketAddr>`. What is still open after `grace` is left to the end of the process.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: &Shutdown,
    grace: Duration,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    tokio::select! {
        () = take(listener, router, shutdown, &room) => {}
        () = shutdown.begun() => {}
    }
    // Nobody else takes from it any more: all of it is there when all connections have ended.
    let ended = room.acquire_many(MAX_CONNECTIONS);
    if tokio::time::timeout(grace, ended).await.is_err() {
        tracing::warn!(
            grace_seconds = grace.as_secs_f64(),
            "requests were still open at the end of the grace"
        );
    }
    Ok(())
}

/// Takes connections, each served by a task of its own.
async fn take(listener: TcpListener, router: Router, shutdown: &Shutdown, room: &Arc<Semaphore>) {
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(room).acquire_owned().await {
        let (stream, peer) = accept(&listener).await;
        tokio::spawn(converse(stream, peer, router.clone(), shutdown.clone(), place));
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Without it, a small answer may wait 40 ms for the peer's acknowledgement.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection without TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Serves one connection until its end; when `shutdown` begins, until the end of the request in flight.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    shutdown: Shutdown,
    _place: OwnedSemaphorePermit,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_accepted_connection_does_not_wait_with_small_answers() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a free port");
        let at = listener.local_addr().expect("bound");
        let (here, there) = tokio::join!(accept(&listener), TcpStream::connect(at));
        assert!(here.0.nodelay().expect("an option"));
        assert!(
            !there.expect("connected").nodelay().expect("an option"),
            "it is not the system's own choice"
        );
    }
}
