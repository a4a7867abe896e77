//! Serving HTTP, for public and internal ports alike.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::Shutdown;

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

/// Serves until `shutdown` begins, then lets requests in flight end, for at most `grace`.
///
/// Handlers may ask for `ConnectInfo<SocketAddr>`. What is still open after `grace` is left to the end of the process.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: &Shutdown,
    grace: Duration,
) -> io::Result<()> {
    // Without it, a small answer may wait 40 ms for the peer's acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection without TCP_NODELAY");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(shutdown.token().cancelled_owned());
    tokio::select! {
        result = server => result,
        () = too_long(shutdown, grace) => {
            tracing::warn!(grace_seconds = grace.as_secs_f64(), "requests were still open at the end of the grace");
            Ok(())
        }
    }
}

async fn too_long(shutdown: &Shutdown, grace: Duration) {
    shutdown.begun().await;
    tokio::time::sleep(grace).await;
}
