//! Requests, as fast as a receiver takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::payload::{EVENT, Payload};
use super::spread::Percentiles;

pub(super) const CONNECTIONS: usize = 8;
/// However fast a receiver is, a round ends here.
const MOST: u64 = 40_000;
const ONE_REQUEST: Duration = Duration::from_secs(15);

/// What a round of requests was like from outside.
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) seconds: f64,
    pub(super) milliseconds: Percentiles,
}

/// Posts one delivery after the other over each connection, each with a GUID of its own.
///
/// # Errors
///
/// Anything but success: there is no number with a footnote.
pub(super) async fn post(url: &str, payload: &Payload, during: Duration) -> anyhow::Result<Load> {
    let (url, payload) = (url.to_owned(), payload.clone());
    let once = move |client: reqwest::Client| {
        let (url, payload) = (url.clone(), payload.clone());
        async move { one(&client, &url, &payload).await }
    };
    repeat(during, once).await
}

/// Sends one request after the other over each connection.
///
/// # Errors
///
/// Those of a request.
pub(super) async fn repeat<F, R>(during: Duration, once: F) -> anyhow::Result<Load>
where
    F: Fn(reqwest::Client) -> R + Clone + Send + 'static,
    R: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(ONE_REQUEST)
        .tcp_nodelay(true)
        .no_proxy()
        .build()?;
    let count = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, count, once) = (client.clone(), Arc::clone(&count), once.clone());
        connections.spawn(async move {
            let mut milliseconds = Vec::new();
            while began.elapsed() < during && count.fetch_add(1, Ordering::Relaxed) < MOST {
                let sent = Instant::now();
                let request = once(client.clone());
                request.await?;
                milliseconds.push(sent.elapsed().as_secs_f64() * 1_000.0);
            }
            anyhow::Ok(milliseconds)
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = connections.join_next().await {
        all.extend(ended??);
    }
    Ok(Load {
        requests: u64::try_from(all.len())?,
        seconds: began.elapsed().as_secs_f64(),
        milliseconds: Percentiles::of(all).context("not one request was answered in time")?,
    })
}

async fn one(client: &reqwest::Client, url: &str, payload: &Payload) -> anyhow::Result<()> {
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .header("user-agent", "GitHub-Hookshot/bench")
        .header("x-github-event", EVENT)
        .header("x-github-delivery", Uuid::new_v4().to_string())
        .header("x-hub-signature-256", &payload.signature)
        .body(payload.body.clone())
        .send()
        .await?;
    let status = answer.status();
    // Read to its end, so that the connection is used again.
    let text = answer.text().await?;
    ensure!(status.is_success(), "{url} answered {status}: {text}");
    Ok(())
}
