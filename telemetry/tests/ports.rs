//! The internal port and the end of a server, over real connections.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use telemetry::{Readiness, Shutdown, bind, install_metrics, serve, serve_internal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Asks once and returns the whole answer, head and body.
async fn ask(at: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(at).await.expect("a server listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test]
async fn the_internal_port_says_what_is_missing_and_drains_visibly() {
    let metrics = install_metrics().expect("the first recorder");
    metrics::counter!("codex_asked_total").increment(1);
    let readiness = Readiness::new().with("database", async || Err("connection refused"));
    let shutdown = Shutdown::new();
    let listener = bind(LOOPBACK).await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    tokio::spawn(serve_internal(listener, readiness, metrics, shutdown.clone()));

    assert!(ask(at, "/healthz").await.starts_with("HTTP/1.1 200"));
    let ready = ask(at, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(
        ready.ends_with(
            r#"{"ready":false,"checks":[{"name":"database","ok":false,"reason":"connection refused"}]}"#
        ),
        "{ready}"
    );
    assert!(ask(at, "/metrics").await.contains("codex_asked_total 1"));

    shutdown.begin();
    assert!(ask(at, "/readyz").await.contains("the program is ending"));
    assert!(ask(at, "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = bind(LOOPBACK).await.expect("a free port");
    let at = first.local_addr().expect("bound");
    let error = bind(at).await.expect_err("taken");
    assert!(error.to_string().contains(&at.to_string()), "{error}");
}

fn slow(seconds: f64) -> Router {
    let handler = async move |ConnectInfo(peer): ConnectInfo<SocketAddr>| {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        format!("done for {}", peer.ip())
    };
    Router::new().route("/", get(handler))
}

/// Starts a request against a server of `slow(seconds)`, begins the end, and returns the answer and how long the
/// server took to end.
async fn ended(seconds: f64, grace: Duration) -> (tokio::task::JoinHandle<String>, Duration) {
    let listener = bind(LOOPBACK).await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    let shutdown = Shutdown::new();
    let told = shutdown.clone();
    let server = tokio::spawn(async move { serve(listener, slow(seconds), &told, grace).await });
    let answer = tokio::spawn(async move { ask(at, "/").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    shutdown.begin();
    server.await.expect("no panic").expect("no error");
    (answer, began.elapsed())
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() {
    let (answer, _) = ended(0.5, Duration::from_secs(20)).await;
    let answer = answer.await.expect("no panic");
    assert!(answer.contains("done for 127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn a_request_that_never_ends_is_left_behind() {
    let (_, took) = ended(3600.0, Duration::from_millis(200)).await;
    assert!(
        took >= Duration::from_millis(200) && took < Duration::from_secs(10),
        "{took:?}"
    );
}

/// Writes the beginning of a request and no more; returns what comes back until the server closes.
async fn begin(at: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(at).await.expect("a server listens");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_mins(2), stream.read_to_end(&mut answer)).await;
    // A reset closes too.
    let _ = closed.expect("it is closed");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let listener = bind(LOOPBACK).await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    let shutdown = Shutdown::new();
    let told = shutdown.clone();
    let server = tokio::spawn(async move { serve(listener, slow(0.0), &told, Duration::ZERO).await });
    let (nothing, half) = tokio::join!(begin(at, ""), begin(at, "GET / HTTP/1.1\r\nhost: te"));
    assert!(
        !nothing.contains("200") && !half.contains("200"),
        "{nothing}{half}"
    );
    let idle = begin(at, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert!(
        idle.contains("done for"),
        "answered, and closed when nothing followed: {idle}"
    );
    let long = format!(
        "GET / HTTP/1.1\r\nhost: test\r\nx: {}\r\n\r\n",
        "x".repeat(64 * 1024)
    );
    assert!(begin(at, &long).await.starts_with("HTTP/1.1 431"));
    shutdown.begin();
    server.await.expect("no panic").expect("no error");
}
