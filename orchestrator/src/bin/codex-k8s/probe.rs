//! One GET, to see whether a program answers.

use std::time::Duration;

use anyhow::Context;

const DEADLINE: Duration = Duration::from_secs(10);

/// The status of a GET, redirects not followed.
pub(crate) async fn status(url: &str) -> anyhow::Result<u16> {
    // Fails only if one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(DEADLINE)
        .timeout(DEADLINE)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let response = client.get(url).send().await.context("no answer")?;
    Ok(response.status().as_u16())
}
