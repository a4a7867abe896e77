//! How often one address may ask, whoever it says it is. Both buckets are one process's own.
//!
//! Webhooks are not slowed: GitHub sends from few addresses, in bursts, and a refused delivery is lost until it is fetched
//! again. What bounds them stands in `webhook`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tower_governor::GovernorLayer;
use tower_governor::errors::GovernorError;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;

use crate::address;
use crate::answer::Refusal;

/// Requests of one address at once, to sign in and for tokens.
const SIGN_INS: u32 = 240;
/// One more is allowed this often.
const SIGN_IN_EVERY: Duration = Duration::from_millis(100);
/// Calls of one address at once: a whole office may come from one.
const CALLS: u32 = 2000;
/// One more is allowed this often.
const CALL_EVERY: Duration = Duration::from_millis(5);
/// Addresses that have rested are forgotten this often.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// Slows down what signs people and programs in.
///
/// # Errors
///
/// Never: the rates are constants.
pub(crate) fn sign_ins(router: Router, trusted: &Arc<[IpNet]>) -> anyhow::Result<Router> {
    slowed(router, trusted, SIGN_INS, SIGN_IN_EVERY)
}

/// Slows down the way to the tools.
///
/// # Errors
///
/// Never: the rates are constants.
pub(crate) fn calls(router: Router, trusted: &Arc<[IpNet]>) -> anyhow::Result<Router> {
    slowed(router, trusted, CALLS, CALL_EVERY)
}

fn slowed(router: Router, trusted: &Arc<[IpNet]>, burst: u32, every: Duration) -> anyhow::Result<Router> {
    let config = GovernorConfigBuilder::default()
        .period(every)
        .burst_size(burst)
        .key_extractor(ByAddress(Arc::clone(trusted)))
        .finish()
        .context("a rate must allow something")?;
    let limiter = Arc::downgrade(config.limiter());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FORGET_EVERY).await;
            let Some(limiter) = limiter.upgrade() else { return };
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    });
    Ok(router.layer(GovernorLayer::new(config).error_handler(|error| refuse(&error))))
}

fn refuse(error: &GovernorError) -> Response {
    match error {
        GovernorError::TooManyRequests { wait_time, .. } => {
            metrics::counter!("codex_rate_limited_total", "program" => "gateway").increment(1);
            // Whole seconds, rounded down.
            Refusal::too_often((*wait_time + 1) * 1000).into_response()
        }
        GovernorError::UnableToExtractKey | GovernorError::Other { .. } => {
            tracing::error!(%error, "a request has no address");
            Refusal::later("unavailable", "internal error").into_response()
        }
    }
}

/// By what an address has of addresses.
#[derive(Clone, Debug)]
struct ByAddress(Arc<[IpNet]>);

impl KeyExtractor for ByAddress {
    type Key = IpAddr;

    fn extract<T>(&self, request: &Request<T>) -> Result<IpAddr, GovernorError> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.ok_or(GovernorError::UnableToExtractKey)?.0;
        Ok(address::network(address::client(
            peer,
            request.headers(),
            &self.0,
        )))
    }
}
