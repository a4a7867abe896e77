//! The model for the agent's program: one model of the catalogue, at its own host, with the key added here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use contract::runner::{Api, Model};
use futures_util::StreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Facts;
use super::asked::Asked;
use super::forward::{Refusal, below, client, refusal, request_headers, response_headers, whole};
use super::usage::Reader;
use crate::supervisor::usage::{Meter, Open};

/// Largest request: a long conversation with pictures in it.
const REQUEST_BYTES: usize = 8 * 1024 * 1024;
/// Requests on their way at once, and how long one more waits for its turn.
const AT_ONCE: usize = 4;
const TURN: Duration = Duration::from_mins(2);
/// Longest answer.
const ANSWER: Duration = Duration::from_mins(30);
/// Pieces of an answer waiting for a slow reader.
const PIECES: usize = 16;

/// Where the Messages API looks for the key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

struct Proxy {
    word: String,
    model: Model,
    key: Option<SecretString>,
    client: reqwest::Client,
    meter: Meter,
    facts: Facts,
    permits: Arc<Semaphore>,
}

pub(super) fn router(
    word: &str,
    model: Model,
    key: Option<SecretString>,
    meter: Meter,
    facts: Facts,
) -> reqwest::Result<Router> {
    let proxy = Proxy {
        word: word.to_owned(),
        model,
        key,
        client: client()?,
        meter,
        facts,
        permits: Arc::new(Semaphore::new(AT_ONCE)),
    };
    Ok(Router::new().fallback(forward).with_state(Arc::new(proxy)))
}

async fn forward(State(proxy): State<Arc<Proxy>>, request: Request) -> Result<Response, Refusal> {
    proxy.forward(request).await
}

impl Proxy {
    async fn forward(&self, request: Request) -> Result<Response, Refusal> {
        let (head, body) = request.into_parts();
        let api = self.model.api;
        let asks = match api {
            Api::Responses => "responses",
            Api::Messages => "messages",
        };
        let path = below(head.uri.path(), &self.word).and_then(|path| path.strip_prefix("v1/"));
        let path = match path {
            Some(path) if path == asks && head.method == Method::POST => asks,
            Some("models") if head.method == Method::GET => "models",
            _ => {
                let text = format!("only {asks} and models are served");
                return Err(refusal(StatusCode::NOT_FOUND, "not_found", text));
            }
        };
        let permit = tokio::time::timeout(TURN, self.permits.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many requests at once; ask again",
            ));
        };
        let body = whole(body, REQUEST_BYTES).await?;
        if path == asks {
            self.check(&head.headers, &body)?;
            self.meter.request(&self.model.name);
        }
        let url = format!("{}/{path}", self.model.base_url.trim_end_matches('/'));
        let counting = (path == asks).then(|| Counting {
            request_bytes: body.len() as u64,
            meter: self.meter.clone(),
            model: self.model.name.clone(),
            _open: self.meter.open(),
        });
        let mut sending = self
            .client
            .request(head.method, url)
            .headers(request_headers(&head.headers))
            .body(body);
        if let Some(key) = &self.key {
            sending = match api {
                Api::Responses => sending.bearer_auth(key.expose_secret()),
                Api::Messages => sending.header(API_KEY, sensitive(key)?),
            };
        }
        self.pass_back(sending, counting, permit).await
    }

    /// Refuses another model than the profile's, what is not counted, and everything while the platform refuses the agent or
    /// once nothing more may be spent.
    fn check(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
        if headers
            .get(CONTENT_ENCODING)
            .is_some_and(|value| value != HeaderValue::from_static("identity"))
        {
            let text = "send the request uncompressed";
            return Err(refusal(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content_encoding",
                text,
            ));
        }
        let asked = Asked::read(self.model.api, body).map_err(|error| {
            let text = format!("no request of the API: {error}");
            refusal(StatusCode::BAD_REQUEST, "invalid_request", text)
        })?;
        if asked.model != self.model.name {
            let text = format!("this agent works with {}, not {}", self.model.name, asked.model);
            return Err(refusal(StatusCode::FORBIDDEN, "model_not_allowed", text));
        }
        if let Some(fault) = asked.fault {
            return Err(refusal(StatusCode::FORBIDDEN, "request_not_allowed", fault));
        }
        if self.facts.0.shut_out.load(Ordering::Relaxed) {
            let text = "the platform refuses this agent; without it no model is paid";
            return Err(refusal(StatusCode::FORBIDDEN, "platform_refused", text));
        }
        if let Some(spent) = self.meter.spent() {
            let text = spent.text.clone();
            let _ = self.facts.0.budget.set(spent);
            // Not 429: a client would wait and try again, and nothing would change.
            return Err(refusal(StatusCode::FORBIDDEN, "budget_spent", text));
        }
        if let Some(ahead) = self.meter.ahead() {
            return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "not_reported", ahead));
        }
        Ok(())
    }

    /// Sends the request in a task of its own: who asks and does not wait has asked all the same, and what comes is
    /// counted.
    async fn pass_back(
        &self,
        sending: reqwest::RequestBuilder,
        counting: Option<Counting>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Response, Refusal> {
        let (pieces, mut waiting) = mpsc::channel(PIECES);
        let (tell, told) = oneshot::channel();
        let api = self.model.api;
        tokio::spawn(async move {
            match sending.send().await {
                Ok(answer) => {
                    let status = answer.status();
                    let headers = response_headers(answer.headers());
                    let reader = if is_json(&headers) {
                        Reader::whole(api)
                    } else {
                        Reader::events(api)
                    };
                    let counting = counting.filter(|_| status.is_success());
                    let _ = tell.send(Ok((status, headers)));
                    pump(answer, pieces, reader, counting).await;
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                }
            }
            drop(permit);
        });
        let why = match told.await {
            Ok(Ok((status, headers))) => {
                if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
                    let text = format!("the model's host answered with {status}");
                    let _ = self.facts.0.model.set(text);
                }
                let body = futures_util::stream::poll_fn(move |cx| waiting.poll_recv(cx));
                let mut response = Response::new(Body::from_stream(body));
                // The key is not the program's: it would only try again, or look for another.
                *response.status_mut() = match status {
                    StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
                    other => other,
                };
                *response.headers_mut() = headers;
                return Ok(response);
            }
            Ok(Err(error)) => error.without_url().to_string(),
            Err(error) => error.to_string(),
        };
        let text = format!("the model did not answer: {why}");
        Err(refusal(StatusCode::BAD_GATEWAY, "unavailable", text))
    }
}

/// The key as a header that nothing prints.
fn sensitive(key: &SecretString) -> Result<HeaderValue, Refusal> {
    let mut value = HeaderValue::from_str(key.expose_secret()).map_err(|_| {
        let text = "the key of the model is no value of a header; set it anew";
        refusal(StatusCode::BAD_GATEWAY, "key_unusable", text)
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether an answer is one JSON text; anything else is read as a stream of events.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("application/json")
        })
}

/// What it takes to count an answer.
struct Counting {
    request_bytes: u64,
    meter: Meter,
    model: String,
    _open: Open,
}

/// Passes an answer on piece by piece, and counts it to its end even if nobody reads it any more: it costs the same.
async fn pump(
    answer: reqwest::Response,
    pieces: mpsc::Sender<reqwest::Result<Bytes>>,
    mut reader: Reader,
    counting: Option<Counting>,
) {
    let reading = async {
        let mut stream = answer.bytes_stream();
        while let Some(piece) = stream.next().await {
            if let (Ok(bytes), true) = (&piece, counting.is_some()) {
                reader.take(bytes);
            }
            let broken = piece.is_err();
            let unread = pieces.send(piece).await.is_err();
            if broken || (unread && counting.is_none()) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(ANSWER, reading).await;
    // Counted before the reader learns that the answer is complete: its next request meets the new total.
    if let Some(counting) = counting {
        let tokens = reader.end(counting.request_bytes);
        counting.meter.tokens(&counting.model, tokens);
    }
    drop(pieces);
}
