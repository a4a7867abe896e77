//! Both proxies against real upstreams on the loopback.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use contract::runner::{Api, Model};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Proxies, Upstreams};
use crate::supervisor::tokens::Tokens;
use crate::supervisor::usage::Meter;

const COMPLETED: &str = "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":70,\"output_tokens\":30}}}\n\n";

/// An upstream that answers each request with the next pieces given to `pieces`, and keeps what it saw.
struct Upstream {
    url: String,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    pieces: mpsc::Sender<Bytes>,
}

async fn upstream(status: StatusCode) -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (pieces, waiting) = mpsc::channel::<Bytes>(16);
    let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
    let kept = seen.clone();
    let router = Router::new().fallback(async move |request: Request| {
        kept.lock()
            .expect("a lock")
            .push((request.uri().path().to_owned(), request.headers().clone()));
        let body = futures_util::stream::unfold(waiting, async |waiting| {
            let piece = waiting.lock().await.recv().await?;
            (!piece.is_empty()).then_some((Ok::<_, Infallible>(piece), waiting))
        });
        let mut response = Response::new(Body::from_stream(body));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert("www-authenticate", "Bearer".parse().expect("a header"));
        response
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Upstream { url, seen, pieces }
}

impl Upstream {
    async fn answers(&self, pieces: &[&'static str]) {
        for piece in pieces.iter().copied().chain([""]) {
            self.pieces
                .send(Bytes::from_static(piece.as_bytes()))
                .await
                .expect("taken");
        }
    }

    fn seen(&self) -> Vec<(String, HeaderMap)> {
        self.seen.lock().expect("a lock").clone()
    }
}

async fn proxies(upstream: &Upstream, meter: Meter) -> Proxies {
    proxies_for(Api::Responses, upstream, meter).await
}

async fn proxies_for(api: Api, upstream: &Upstream, meter: Meter) -> Proxies {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["supervisor-token", "agent-token"] {
        std::fs::write(folder.path().join(name), name).expect("written");
    }
    let model = Model {
        name: "scripted".into(),
        api,
        base_url: format!("{}/v1", upstream.url),
        effort: None,
    };
    Proxies::start(Upstreams {
        mcp_url: format!("{}/mcp", upstream.url).parse().expect("an address"),
        tokens: Tokens::load(folder.path(), folder.path()).expect("tokens"),
        traceparent: Arc::default(),
        model: Some((model, Some("model-key".into()))),
        meter,
    })
    .await
    .expect("started")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .expect("a client")
}

async fn ask(proxies: &Proxies, body: &Value) -> reqwest::Response {
    ask_at(proxies, "responses", body).await
}

async fn ask_at(proxies: &Proxies, path: &str, body: &Value) -> reqwest::Response {
    let url = format!("{}/{path}", proxies.model_url.as_deref().expect("a model"));
    client()
        .post(url)
        .bearer_auth("made-up")
        .header("x-api-key", "made-up")
        .json(body)
        .send()
        .await
        .expect("an answer")
}

#[tokio::test]
async fn the_platform_is_reached_with_the_agents_token_and_nothing_else_is() {
    let upstream = upstream(StatusCode::OK).await;
    let proxies = proxies(&upstream, Meter::default()).await;
    upstream.answers(&["hello"]).await;
    let answer = client()
        .post(&proxies.mcp_url)
        .bearer_auth("made-up")
        .body("{}")
        .send()
        .await
        .expect("an answer");
    assert!(
        answer.headers().get("www-authenticate").is_none(),
        "no CLI is sent to a login"
    );
    assert_eq!(answer.text().await.expect("text"), "hello");
    let (path, headers) = upstream.seen().remove(0);
    assert_eq!(
        (path.as_str(), &headers["authorization"]),
        ("/mcp", &"Bearer agent-token".parse().expect("a value"))
    );

    let other = proxies.mcp_url.replace("/mcp", "/webhooks/github");
    let guessed = proxies.mcp_url.replace(&proxies.secrets[0], "guessed");
    for url in [other, guessed] {
        assert_eq!(client().post(url).send().await.expect("an answer").status(), 404);
    }
    let large = vec![b'x'; 5 * 1024 * 1024];
    let answer = client()
        .post(&proxies.mcp_url)
        .body(large)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 413);
    assert_eq!(upstream.seen().len(), 1, "nothing of that went upstream");
}

#[tokio::test]
async fn a_refused_token_is_noticed() {
    let upstream = upstream(StatusCode::UNAUTHORIZED).await;
    let proxies = proxies(&upstream, Meter::default()).await;
    upstream.answers(&[]).await;
    client()
        .post(&proxies.mcp_url)
        .body("{}")
        .send()
        .await
        .expect("an answer");
    assert!(proxies.facts.platform_refused().is_some());
    // Without the platform no model is paid.
    let refused = ask(&proxies, &json!({ "model": "scripted" })).await;
    assert!(refused.text().await.expect("text").contains("platform_refused"));
    assert_eq!(upstream.seen().len(), 1);

    let proxies = self::proxies(&upstream, Meter::default()).await;
    upstream.answers(&[]).await;
    ask(&proxies, &json!({ "model": "scripted" })).await;
    assert!(proxies.facts.model_refused().is_some());
}

fn message(fields: &Value) -> Value {
    let mut body = json!({ "model": "scripted", "max_tokens": 1, "messages": [] });
    let fields = fields.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    body
}

#[tokio::test]
async fn messages_are_asked_with_the_key_in_their_own_header_and_counted() {
    let upstream = upstream(StatusCode::OK).await;
    let meter = Meter::new(Some(60), &[]);
    let proxies = proxies_for(Api::Messages, &upstream, meter.clone()).await;
    upstream
        .answers(&[
            "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":40,\"output_tokens\":1}}}\n\n",
            "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":30}}\n\n",
        ])
        .await;
    let answer = ask_at(
        &proxies,
        "messages?beta=true",
        &message(&json!({ "stream": true })),
    )
    .await;
    assert_eq!(answer.status(), 200);
    answer.text().await.expect("text");
    let (path, headers) = upstream.seen().remove(0);
    assert_eq!(
        (path.as_str(), &headers["x-api-key"], headers.get("authorization")),
        ("/v1/messages", &"model-key".parse().expect("a value"), None)
    );
    let totals = meter.totals();
    assert_eq!((totals[0].input_tokens, totals[0].output_tokens), (40, 30));
    let spent = ask_at(&proxies, "messages", &message(&json!({}))).await;
    assert!(spent.text().await.expect("text").contains("budget_spent"));
    assert_eq!(upstream.seen().len(), 1, "nothing more was spent");
}

#[tokio::test]
async fn of_the_messages_api_nothing_else_is_reached() {
    let upstream = upstream(StatusCode::OK).await;
    let proxies = proxies_for(Api::Messages, &upstream, Meter::default()).await;
    for path in [
        "responses",
        "messages/batches",
        "messages/count_tokens",
        "files",
        "complete",
    ] {
        let answer = ask_at(&proxies, path, &message(&json!({}))).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    for (fields, status) in [
        (json!({ "model": "dearer" }), 403),
        (json!({ "tools": [{ "type": "web_search_20250305" }] }), 403),
        (json!({ "mcp_servers": [] }), 400),
    ] {
        let answer = ask_at(&proxies, "messages", &message(&fields)).await;
        assert_eq!(answer.status(), status, "{fields}");
        let text = answer.text().await.expect("text");
        assert!(text.contains("\"type\":\"error\""), "as the API says it: {text}");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_stream_passes_piece_by_piece_and_is_counted() {
    let upstream = upstream(StatusCode::OK).await;
    let meter = Meter::new(Some(100), &[]);
    let proxies = proxies(&upstream, meter.clone()).await;
    let first = Bytes::from_static(b"data: {\"type\":\"response.created\"}\n\n");
    upstream.pieces.send(first.clone()).await.expect("taken");
    let mut answer = ask(&proxies, &json!({ "model": "scripted", "stream": true })).await;
    // The upstream has not ended, and the first piece is here.
    assert_eq!(answer.chunk().await.expect("a piece"), Some(first));
    assert_eq!(meter.spent(), None);
    upstream.answers(&[COMPLETED]).await;
    while answer.chunk().await.expect("a piece").is_some() {}
    let (path, headers) = upstream.seen().remove(0);
    assert_eq!(
        (path.as_str(), &headers["authorization"]),
        ("/v1/responses", &"Bearer model-key".parse().expect("a value"))
    );
    let totals = meter.totals();
    assert_eq!(
        (
            totals[0].requests,
            totals[0].input_tokens,
            totals[0].output_tokens
        ),
        (1, 70, 30)
    );

    let refused = ask(&proxies, &json!({ "model": "scripted" })).await;
    assert_eq!(refused.status(), 403);
    let text = refused.text().await.expect("text");
    assert!(
        text.contains("budget_spent") && text.contains("its limit is 100"),
        "{text}"
    );
    assert!(proxies.facts.budget_refused().is_some());
    assert_eq!(upstream.seen().len(), 1, "nothing more was spent");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_costs_the_same() {
    let upstream = upstream(StatusCode::OK).await;
    let meter = Meter::default();
    let proxies = proxies(&upstream, meter.clone()).await;
    upstream
        .pieces
        .send(Bytes::from_static(b"data: {}\n\n"))
        .await
        .expect("taken");
    let mut answer = ask(&proxies, &json!({ "model": "scripted", "stream": true })).await;
    answer.chunk().await.expect("a piece");
    drop(answer);
    upstream
        .answers(&["data: {}\n\n", "data: {}\n\n", COMPLETED])
        .await;
    let counted = async {
        while meter.totals()[0].output_tokens == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), counted)
        .await
        .expect("counted");
    assert_eq!(meter.totals()[0].output_tokens, 30);
}

#[tokio::test]
async fn another_model_another_path_and_a_spent_budget_are_refused() {
    let upstream = upstream(StatusCode::OK).await;
    let meter = Meter::default();
    let proxies = proxies(&upstream, meter.clone()).await;
    let refused = ask(&proxies, &json!({ "model": "dearer" })).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.expect("text").contains("model_not_allowed"));
    let base = proxies.model_url.as_deref().expect("a model");
    for path in [
        "files",
        "responses/../files",
        "models/../../admin",
        "organization/keys",
    ] {
        let answer = client()
            .post(format!("{base}/{path}"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
    meter.exceed();
    assert_eq!(ask(&proxies, &json!({ "model": "scripted" })).await.status(), 403);
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn what_would_not_be_counted_is_refused() {
    let upstream = upstream(StatusCode::OK).await;
    let proxies = proxies(&upstream, Meter::default()).await;
    for field in [
        json!({ "background": true }),
        json!({ "tools": [{ "type": "web_search" }] }),
        json!({ "service_tier": "priority" }),
    ] {
        let mut body = json!({ "model": "scripted" });
        let fields = field.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(fields);
        let refused = ask(&proxies, &body).await;
        assert_eq!(refused.status(), 403, "{field}");
        assert!(
            refused
                .text()
                .await
                .expect("text")
                .contains("request_not_allowed")
        );
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_request_whose_asker_went_away_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (pieces, _) = mpsc::channel(1);
    let upstream = Upstream {
        url: format!("http://{}", listener.local_addr().expect("an address")),
        seen: Arc::default(),
        pieces,
    };
    let meter = Meter::default();
    let proxies = proxies(&upstream, meter.clone()).await;
    let url = format!("{}/responses", proxies.model_url.as_deref().expect("a model"));
    let asking = tokio::spawn(client().post(url).json(&json!({ "model": "scripted" })).send());
    let (mut connection, _) = listener.accept().await.expect("asked");
    asking.abort();
    assert!(asking.await.is_err(), "nobody waits for the answer");
    let body = "{\n  \"usage\": {\n    \"input_tokens\": 7,\n    \"output_tokens\": 5\n  }\n}";
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    connection.write_all(answer.as_bytes()).await.expect("answered");
    tokio::time::timeout(Duration::from_secs(30), meter.settled())
        .await
        .expect("the answer ends");
    assert_eq!(
        (meter.totals()[0].input_tokens, meter.totals()[0].output_tokens),
        (7, 5)
    );
}

#[tokio::test]
async fn a_connection_that_says_nothing_whole_is_closed() {
    let upstream = upstream(StatusCode::OK).await;
    let proxies = proxies(&upstream, Meter::default()).await;
    let address = proxies.mcp_url.split('/').nth(2).expect("a host").to_owned();
    let mut connection = TcpStream::connect(address).await.expect("connected");
    connection.write_all(b"POST / HTTP/1.1\r\n").await.expect("sent");
    let mut rest = Vec::new();
    let closed = connection.read_to_end(&mut rest);
    tokio::time::timeout(Duration::from_mins(1), closed)
        .await
        .expect("it does not stay")
        .expect("closed");
}
