//! `POST /webhooks/github` as GitHub, and others, call it.

mod world;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream;
use world::{PREVIOUS, SECRET, World, signature, signed, told};

const BODY: &[u8] = br#"{"action":"labeled"}"#;
const DELIVERIES: &str = "SELECT count(*) FROM deliveries";
const JOBS: &str = "SELECT count(*) FROM river_job WHERE kind = 'delivery.process'";

#[tokio::test]
async fn a_signed_delivery_is_kept_as_it_came_with_its_job() {
    let world = World::new().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = signed(world.request(), "guid-1", BODY)
        .header("traceparent", trace)
        .send()
        .await
        .unwrap();
    let (status, text) = told(sent).await;
    assert_eq!(status, 202, "{text}");
    assert!(text.contains(r#""duplicate":false"#), "{text}");
    let row: (Vec<u8>, String, String, String) =
        sqlx::query_as("SELECT body, event, content_type, traceparent FROM deliveries WHERE guid = 'guid-1'")
            .fetch_one(world.db.pool())
            .await
            .unwrap();
    assert_eq!(
        row,
        (
            BODY.to_vec(),
            "issues".into(),
            "application/json".into(),
            trace.into()
        )
    );
    assert_eq!(world.count(JOBS).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_redelivery_changes_nothing_on_any_replica() {
    let mut world = World::new().await;
    let replica = world.replica().await;
    let sends = (0..20).map(|n| {
        let address = if n % 2 == 0 { world.address } else { replica };
        signed(world.request_to(address), "guid-1", BODY).send()
    });
    let mut first = 0;
    for response in join_all(sends).await {
        let (status, text) = told(response.unwrap()).await;
        assert_eq!(status, 202);
        first += usize::from(text.contains(r#""duplicate":false"#));
    }
    assert_eq!(
        (first, world.count(DELIVERIES).await, world.count(JOBS).await),
        (1, 1, 1)
    );
    world.end().await;
}

#[tokio::test]
async fn what_is_not_githubs_is_refused_and_nothing_is_kept() {
    let world = World::new().await;
    let plain = || {
        world
            .request()
            .header("Content-Type", "application/json")
            .body(BODY)
    };
    let named = || {
        plain()
            .header("X-GitHub-Event", "issues")
            .header("X-GitHub-Delivery", "guid-1")
    };
    let sign = |body| signature(SECRET, body);
    let cut = &sign(BODY)[..70];
    let typed = |kind: &'static str| {
        world
            .request()
            .header("X-GitHub-Event", "issues")
            .header("X-GitHub-Delivery", "guid-1")
            .header("X-Hub-Signature-256", sign(BODY))
            .header("Content-Type", kind)
            .body(BODY)
    };
    let requests = [
        ("unsigned", named()),
        (
            "sha1 only",
            named().header("X-Hub-Signature", "sha1=0000000000000000000000000000000000000000"),
        ),
        (
            "a word for a signature",
            named().header("X-Hub-Signature-256", "sha256=genuine"),
        ),
        ("half a signature", named().header("X-Hub-Signature-256", cut)),
        (
            "signed with another secret",
            named().header("X-Hub-Signature-256", signature("guess", BODY)),
        ),
        (
            "another body's signature",
            named().header("X-Hub-Signature-256", sign(b"{}")),
        ),
        (
            "no event",
            plain()
                .header("X-GitHub-Delivery", "guid-1")
                .header("X-Hub-Signature-256", sign(BODY)),
        ),
        (
            "no delivery id",
            plain()
                .header("X-GitHub-Event", "issues")
                .header("X-Hub-Signature-256", sign(BODY)),
        ),
        (
            "a long delivery id",
            plain()
                .header("X-GitHub-Event", "issues")
                .header("X-GitHub-Delivery", "x".repeat(101))
                .header("X-Hub-Signature-256", sign(BODY)),
        ),
        ("text", typed("text/plain")),
    ];
    let mut table = Vec::new();
    for (what, request) in requests {
        let (status, text) = told(request.send().await.unwrap()).await;
        table.push(format!("{what}: {status} {text}"));
    }
    insta::assert_snapshot!(table.join("\n"));
    assert_eq!((world.count(DELIVERIES).await, world.count(JOBS).await), (0, 0));
    world.end().await;
}

#[tokio::test]
async fn other_paths_and_methods() {
    let world = World::new().await;
    assert_eq!(told(world.get("/healthz").await).await, (200, "ok".into()));
    assert_eq!(world.get("/webhooks/github").await.status(), 405);
    // Where no console is, the address alone answers who is signed in.
    assert_eq!(world.get("/").await.status(), 200);
    for path in ["/metrics", "/readyz", "/webhooks"] {
        assert_eq!(world.get(path).await.status(), 404, "{path}");
    }
    world.end().await;
}

#[tokio::test]
async fn the_secret_before_fits_and_a_rotation_needs_no_restart() {
    let world = World::new().await;
    let send = async |guid: &str, secret: &str| {
        let request = world
            .request()
            .header("X-GitHub-Event", "issues")
            .header("X-GitHub-Delivery", guid);
        let request = request.header("Content-Type", "application/json").body(BODY);
        request
            .header("X-Hub-Signature-256", signature(secret, BODY))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(send("guid-1", PREVIOUS).await, 202);
    assert_eq!(send("guid-2", "brand new").await, 401);
    std::fs::write(&world.secret_file, "brand new").unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(send("guid-2", "brand new").await, 202);
    assert_eq!(send("guid-3", SECRET).await, 401);
    world.end().await;
}

#[tokio::test]
async fn a_form_is_kept_as_it_came() {
    let world = World::new().await;
    let body = b"payload=%7B%7D";
    let request = world
        .request()
        .header("X-GitHub-Event", "ping")
        .header("X-GitHub-Delivery", "guid-1")
        .header("X-Hub-Signature-256", signature(SECRET, body))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body.to_vec());
    assert_eq!(request.send().await.unwrap().status(), 202);
    let kept: Vec<u8> = sqlx::query_scalar("SELECT body FROM deliveries")
        .fetch_one(world.db.pool())
        .await
        .unwrap();
    assert_eq!(kept, body);
    world.end().await;
}

#[tokio::test]
async fn the_largest_body_is_taken_and_a_larger_one_is_not() {
    let world = World::new().await;
    let largest = vec![b' '; 25 * 1024 * 1024];
    assert_eq!(world.deliver("largest", &largest).await.status(), 202);
    let mut larger = largest;
    larger.push(b' ');
    // Told by its length, or found out while it comes.
    let announced = signed(world.request(), "larger", &larger).send().await;
    if let Ok(response) = announced {
        assert_eq!(response.status(), 413);
    }
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        larger.chunks(1 << 20).map(|piece| Ok(piece.to_vec())).collect();
    let chunked = signed(world.request(), "chunked", &larger)
        .body(reqwest::Body::wrap_stream(stream::iter(pieces)))
        .send()
        .await;
    if let Ok(response) = chunked {
        assert_eq!(response.status(), 413);
    }
    assert_eq!(world.count(DELIVERIES).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_stop_the_others() {
    let world = World::new().await;
    let hanging = (0..4).map(|n| {
        let first = stream::iter([Ok::<_, std::io::Error>(vec![b' '; 2 << 20])]);
        let body = futures_util::StreamExt::chain(first, stream::pending());
        let request = signed(world.request(), &format!("hanging-{n}"), BODY);
        tokio::spawn(request.body(reqwest::Body::wrap_stream(body)).send())
    });
    let hanging: Vec<_> = hanging.collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    assert_eq!(world.deliver("small", BODY).await.status(), 202);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    for task in hanging {
        let (status, text) = told(task.await.unwrap().unwrap()).await;
        assert_eq!(status, 408);
        assert!(text.contains("stopped"), "long before the deadline: {text}");
    }
    assert_eq!(world.count(DELIVERIES).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_truncated_body_is_not_kept() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::new().await;
    let mut line = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: issues\r\n\
         X-GitHub-Delivery: guid-1\r\nX-Hub-Signature-256: {}\r\nContent-Length: {}\r\n\r\n",
        signature(SECRET, BODY),
        BODY.len()
    );
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(&BODY[..5]).await.unwrap();
    line.shutdown().await.unwrap();
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    assert_eq!(world.count(DELIVERIES).await, 0);
    world.end().await;
}

#[tokio::test]
async fn without_a_database_it_asks_to_come_again() {
    let world = World::new().await;
    world.opened[0].close().await;
    let response = world.deliver("guid-1", BODY).await;
    assert_eq!(response.headers()["retry-after"], "10");
    let (status, text) = told(response).await;
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("the database does not answer"), "{text}");
    world.end().await;
}
