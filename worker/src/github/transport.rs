//! One request over octocrab's connections: sent once, with a deadline and a bound on the answer.

use std::error::Error as _;

use anyhow::Context;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use octocrab::{OctoBody, Octocrab};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::call::Call;
use super::config::GithubConfig;
use super::link;

/// Version `2026-03-10` breaks bodies that we read; this one is answered until March 2028.
const API_VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");
/// A page of 100 comments of the greatest length GitHub keeps is 26 MB; real ones stay far below this.
const MOST_BYTES: usize = 16 << 20;
/// A renamed repository answers with one redirect, a transferred and renamed one with two.
const MOST_REDIRECTS: usize = 3;

pub(super) struct Transport {
    crab: Octocrab,
    base: Url,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// There is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The request surely never reached GitHub.
    NotSent(String),
    Unknown(String),
}

impl Transport {
    pub(super) fn new(config: &GithubConfig) -> anyhow::Result<Self> {
        // Without the features `retry` and `follow-redirect`, octocrab sends each request once.
        let crab = Octocrab::builder()
            .base_uri(config.github_api_url.as_str())
            .and_then(|builder| {
                builder
                    .set_connect_timeout(Some(config.github_connect_timeout))
                    .set_read_timeout(Some(config.github_read_timeout))
                    .set_write_timeout(Some(config.github_write_timeout))
                    .build()
            })
            .with_context(|| format!("cannot prepare connections to {}", config.github_api_url))?;
        Ok(Self {
            crab,
            base: config.github_api_url.clone(),
        })
    }

    /// Sends the call, following redirects at GitHub with the method and the body kept.
    pub(super) async fn send(
        &self,
        call: &Call,
        bearer: &SecretString,
        until: Instant,
    ) -> Result<Answer, Lost> {
        let mut path = call.path.clone();
        for _ in 0..MOST_REDIRECTS {
            let answer = self.send_to(&path, call, bearer, until).await?;
            match self.redirect(&answer) {
                Some(next) => path = next,
                None => return Ok(answer),
            }
        }
        self.send_to(&path, call, bearer, until).await
    }

    async fn send_to(
        &self,
        path: &str,
        call: &Call,
        bearer: &SecretString,
        until: Instant,
    ) -> Result<Answer, Lost> {
        let request = request(path, call, bearer).map_err(|error| Lost::NotSent(error.to_string()))?;
        if Instant::now() >= until {
            return Err(Lost::NotSent("no time was left to ask".to_owned()));
        }
        let result = timeout_at(until, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(Lost::Unknown("no answer before the deadline".to_owned())));
        record(call, &result);
        result
    }

    async fn exchange(&self, request: Request<OctoBody>) -> Result<Answer, Lost> {
        let response = self.crab.send(request).await.map_err(|error| failed(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MOST_BYTES)
            .collect()
            .await
            .map_err(|error| Lost::Unknown(format!("the answer broke off: {error}")))?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    /// Where the answer sends us, if that is GitHub itself: nobody else may see the token.
    fn redirect(&self, answer: &Answer) -> Option<String> {
        let moved = [
            StatusCode::MOVED_PERMANENTLY,
            StatusCode::FOUND,
            StatusCode::TEMPORARY_REDIRECT,
            StatusCode::PERMANENT_REDIRECT,
        ];
        if !moved.contains(&answer.status) {
            return None;
        }
        let location = answer.headers.get(LOCATION)?.to_str().ok()?;
        let url = self.base.join(location).ok()?;
        (url.origin() == self.base.origin()).then(|| link::path_and_query(&url))
    }
}

fn request(path: &str, call: &Call, bearer: &SecretString) -> anyhow::Result<Request<OctoBody>> {
    // The error of a malformed header would not show the value, but neither does ours.
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", bearer.expose_secret()))
        .map_err(|_| anyhow::anyhow!("a token that cannot be sent"))?;
    authorization.set_sensitive(true);
    let request = Request::builder()
        .method(call.method.clone())
        .uri(path)
        .header(ACCEPT, "application/vnd.github+json")
        .header("x-github-api-version", API_VERSION)
        .header(AUTHORIZATION, authorization);
    Ok(match &call.body {
        Some(body) => request
            .header(CONTENT_TYPE, "application/json")
            .body(OctoBody::from(body.to_string()))?,
        None => request.body(OctoBody::empty())?,
    })
}

/// Whether the connection was ever made decides whether GitHub can have heard us. octocrab's own text says little
/// (often only a word), so all causes are named.
fn failed(error: &octocrab::Error) -> Lost {
    let mut causes = Vec::new();
    let mut never_connected = false;
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            never_connected |= error.is_connect();
        }
        causes.push(error.to_string());
        cause = error.source();
    }
    let why = causes.join(": ");
    if never_connected {
        Lost::NotSent(why)
    } else {
        Lost::Unknown(why)
    }
}

fn record(call: &Call, result: &Result<Answer, Lost>) {
    let method = call.method.to_string();
    let status = match result {
        Ok(answer) => answer.status.as_str().to_owned(),
        Err(Lost::NotSent(_)) => "not_sent".to_owned(),
        Err(Lost::Unknown(_)) => "lost".to_owned(),
    };
    match result {
        Ok(answer) if answer.status.is_client_error() || answer.status.is_server_error() => {
            let request_id = answer.headers.get("x-github-request-id");
            tracing::info!(%method, path = call.path, %status, ?request_id, "GitHub refused");
        }
        Ok(_) => tracing::debug!(%method, path = call.path, %status, "GitHub answered"),
        Err(lost) => tracing::warn!(%method, path = call.path, %status, ?lost, "GitHub did not answer"),
    }
    metrics::counter!(
        "codex_provider_requests_total", "provider" => "github", "method" => method, "status" => status
    )
    .increment(1);
}
