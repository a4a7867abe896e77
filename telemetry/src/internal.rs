//! The second port: what the cluster asks, never reachable from outside.

use std::io;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{Readiness, Shutdown};

/// The exporter asks to be tidied this often, else samples pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// The routes `/healthz` (this process answers), `/readyz` (it can do its work; else 503 and what is missing) and
/// `/metrics`.
pub fn internal_router(readiness: Readiness, metrics: PrometheusHandle, shutdown: Shutdown) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(async move || ready(&readiness, &shutdown).await))
        .route(
            "/metrics",
            get(async move || ([("content-type", "text/plain; version=0.0.4")], metrics.render())),
        )
}

/// Serves the internal port until the future is dropped: a program that drains still tells how it is.
pub async fn serve_internal(
    listener: TcpListener,
    readiness: Readiness,
    metrics: PrometheusHandle,
    shutdown: Shutdown,
) -> io::Result<()> {
    let router = internal_router(readiness, metrics.clone(), shutdown);
    // Its own: it does not stop when the program begins to drain.
    let never = Shutdown::new();
    tokio::select! {
        result = crate::serve(listener, router, &never, Duration::ZERO) => result,
        never_ends = upkeep(&metrics) => match never_ends {},
    }
}

async fn upkeep(metrics: &PrometheusHandle) -> std::convert::Infallible {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

async fn ready(readiness: &Readiness, shutdown: &Shutdown) -> Response {
    if shutdown.has_begun() {
        let body = json!({ "ready": false, "reason": "the program is ending" });
        return (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    }
    let report = readiness.report().await;
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}
