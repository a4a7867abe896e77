use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sha2::Sha256;

/// One request that the receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) body: Value,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// Returns `event.action`, or the event alone.
    pub(crate) fn name(&self) -> String {
        let event = self.header("x-github-event");
        self.body["action"]
            .as_str()
            .map_or_else(|| event.to_owned(), |action| format!("{event}.{action}"))
    }
}

#[derive(Default)]
struct Inbox {
    got: Vec<Got>,
    answer: StatusCode,
    slow: Duration,
}

/// A webhook receiver that keeps what it gets.
pub(crate) struct Receiver {
    url: String,
    inbox: Arc<Mutex<Inbox>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!(
            "http://{}/webhooks/github",
            listener.local_addr().expect("an address")
        );
        let inbox = Arc::new(Mutex::new(Inbox {
            answer: StatusCode::ACCEPTED,
            ..Inbox::default()
        }));
        let router = Router::new().fallback(take).with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inbox }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.inbox.lock().expect("the inbox").got.clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.got().iter().map(Got::name).collect()
    }

    /// Answers with this from now on, after this long.
    pub(crate) fn behave(&self, answer: u16, slow: Duration) {
        let mut inbox = self.inbox.lock().expect("the inbox");
        (inbox.answer, inbox.slow) = (StatusCode::from_u16(answer).expect("a status"), slow);
    }
}

async fn take(State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, bytes: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let (answer, slow) = {
        let mut inbox = inbox.lock().expect("the inbox");
        inbox.got.push(Got { headers, bytes, body });
        (inbox.answer, inbox.slow)
    };
    tokio::time::sleep(slow).await;
    answer
}

/// Returns what `X-Hub-Signature-256` must be.
pub(crate) fn signature(secret: &str, bytes: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(bytes);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
