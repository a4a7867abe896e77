//! A service that speaks `/v1/embeddings`. It gets our texts and our key, so nobody else may: no redirect is
//! followed, and what it answers is believed as far as it can be checked.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use http::StatusCode;
use http::header::RETRY_AFTER;
use orchestrator::ports::{Embedder, EmbedderError, EmbeddingModel};
use reqwest::{Client, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::EmbedderConfig;
use crate::outward::outward;

/// The whole of a request, below the time of a job.
const DEADLINE: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// An answer of 64 vectors of 4000 numbers is 6 MB.
const MOST_BYTES: usize = 16 << 20;
/// What of a refusal's words is kept for a person.
const MOST_WORDS: usize = 300;

/// The adapter.
pub struct OpenAiEmbedder {
    client: Client,
    url: Url,
    model: EmbeddingModel,
    key_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    /// Null where the service had no number: NaN is no JSON.
    embedding: Vec<Option<f32>>,
}

impl OpenAiEmbedder {
    /// Prepares the adapter; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// The address is not usable.
    pub fn new(config: &EmbedderConfig) -> anyhow::Result<Self> {
        let url = endpoint(&config.embedder_url)?;
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(DEADLINE)
            .build()
            .context("the embedder's client")?;
        let name = config.embedder_model.clone();
        let checksum = hex::encode(Sha256::digest(format!("{url}\n{name}")));
        Ok(Self {
            client,
            url,
            model: EmbeddingModel {
                name,
                dims: config.embedder_dims,
                checksum,
                is_external: true,
            },
            key_file: config.embedder_key_file.clone(),
        })
    }

    /// None where no key is mounted: some services want none.
    async fn key(&self) -> Result<Option<SecretString>, EmbedderError> {
        let Some(file) = &self.key_file else {
            return Ok(None);
        };
        let key = match tokio::fs::read_to_string(file).await {
            Ok(key) => SecretString::from(key.trim()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(away(format!("its key file cannot be read: {error}"))),
        };
        if self.url.scheme() == "https" || is_loopback(&self.url) {
            return Ok(Some(key));
        }
        Err(refused(
            "it has a key and an address of http: the key would travel in the clear".to_owned(),
        ))
    }

    async fn ask(&self, texts: &[String]) -> Result<Response, EmbedderError> {
        let question = Question {
            model: &self.model.name,
            input: texts,
            encoding_format: "float",
        };
        let mut request = self.client.post(self.url.clone()).json(&question);
        if let Some(key) = self.key().await? {
            request = request.bearer_auth(key.expose_secret());
        }
        let answer = outward("embedder", "embed", request.send()).await;
        answer.map_err(|error| away(error.without_url().to_string()))
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn model(&self) -> &EmbeddingModel {
        &self.model
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedderError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let mut answer = self.ask(texts).await?;
        let status = answer.status();
        let wait = answer.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let body = body(&mut answer).await?;
        if !status.is_success() {
            return Err(refusal(status, wait.map(Duration::from_secs), &body));
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| refused(format!("its answer is not one: {error}")))?;
        vectors(answer, texts.len(), &self.model)
    }
}

/// Puts the vectors in order and makes each one unit long.
fn vectors(answer: Answer, count: usize, model: &EmbeddingModel) -> Result<Vec<Vec<f32>>, EmbedderError> {
    if answer.data.len() != count {
        let found = answer.data.len();
        return Err(refused(format!("{found} vectors for {count} texts")));
    }
    let mut vectors = vec![Vec::new(); count];
    for item in answer.data {
        let place = vectors.get_mut(item.index).filter(|place| place.is_empty());
        let place = place.ok_or_else(|| refused(format!("a vector for the text {}", item.index)))?;
        *place = unit(item.embedding, model)?;
    }
    Ok(vectors)
}

fn unit(numbers: Vec<Option<f32>>, model: &EmbeddingModel) -> Result<Vec<f32>, EmbedderError> {
    let (dims, found) = (model.dims, numbers.len());
    if usize::try_from(dims) != Ok(found) {
        return Err(refused(format!(
            "a vector of {found} numbers, and {dims} were told"
        )));
    }
    let numbers: Option<Vec<f32>> = numbers.into_iter().collect();
    let numbers = numbers.ok_or_else(|| refused("a vector with a hole in it".to_owned()))?;
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    if !length.is_finite() || length <= f32::EPSILON {
        return Err(refused("a vector without a direction".to_owned()));
    }
    Ok(numbers.into_iter().map(|number| number / length).collect())
}

async fn body(answer: &mut Response) -> Result<Vec<u8>, EmbedderError> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(piece)) if body.len() + piece.len() <= MOST_BYTES => body.extend_from_slice(&piece),
            Ok(Some(_)) => return Err(refused(format!("an answer of more than {MOST_BYTES} bytes"))),
            Ok(None) => return Ok(body),
            Err(error) => return Err(away(error.without_url().to_string())),
        }
    }
}

fn refusal(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> EmbedderError {
    // Services like to repeat the key they refuse.
    let words = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "it does not take our key".to_owned(),
        _ => String::from_utf8_lossy(body).chars().take(MOST_WORDS).collect(),
    };
    let message = format!("{}: {words}", status.as_u16());
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            EmbedderError::Unavailable { message, retry_after }
        }
        status if status.is_server_error() => EmbedderError::Unavailable { message, retry_after },
        _ => refused(message),
    }
}

fn refused(message: String) -> EmbedderError {
    EmbedderError::Refused { message }
}

fn away(message: String) -> EmbedderError {
    EmbedderError::Unavailable {
        message,
        retry_after: None,
    }
}

fn endpoint(base: &Url) -> anyhow::Result<Url> {
    let mut url = base.clone();
    url.path_segments_mut()
        .ok()
        .context("the embedder's address has no path")?
        .pop_if_empty()
        .push("embeddings");
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
