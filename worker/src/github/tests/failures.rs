//! What each failure means, for a read and for a write.

use std::time::Duration;

use orchestrator::ports::code_host::{CodeHost, CodeHostError};
use rstest::rstest;
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use wiremock::ResponseTemplate;

use super::key::KeyFile;
use super::world::{World, an_issue, answer, config, here};
use crate::github::call::Call;
use crate::github::refusal;
use crate::github::transport::Transport;

const ISSUE: &str = "/repos/acme/shop/issues/5";
const COMMENTS: &str = "/repos/acme/shop/issues/5/comments";

fn kind(error: &CodeHostError) -> String {
    match error {
        CodeHostError::Refused { status, .. } => format!("refused {status}"),
        CodeHostError::NotFound(_) => "not found".to_owned(),
        CodeHostError::RateLimited { retry_after, .. } => format!("wait {}", retry_after.as_secs()),
        CodeHostError::Ambiguous(_) => "ambiguous".to_owned(),
        CodeHostError::Unavailable(_) => "unavailable".to_owned(),
    }
}

/// The kinds that a read and a write make of the same answer, and that each was sent once.
async fn kinds(response: ResponseTemplate) -> (String, String) {
    let world = World::new().await;
    world.on("GET", ISSUE, response.clone()).await;
    world.on("POST", COMMENTS, response).await;
    let read = world.host.issue(&here(), 5).await.expect_err("it fails");
    let write = world
        .host
        .create_comment(&here(), 5, "b")
        .await
        .expect_err("it fails");
    assert_eq!(
        world.asked().await,
        [format!("GET {ISSUE}"), format!("POST {COMMENTS}")]
    );
    for error in [&read, &write] {
        assert!(!error.to_string().contains("ghs_"), "a token in {error}");
    }
    (kind(&read), kind(&write))
}

#[rstest]
#[case::server_error(500, "unavailable", "ambiguous")]
#[case::bad_gateway(502, "unavailable", "ambiguous")]
#[case::away(503, "unavailable", "ambiguous")]
#[case::gateway_timeout(504, "unavailable", "ambiguous")]
#[case::request_timeout(408, "unavailable", "ambiguous")]
#[case::missing(404, "not found", "not found")]
#[case::gone(410, "not found", "not found")]
#[case::forbidden(403, "refused 403", "refused 403")]
#[case::invalid(422, "refused 422", "refused 422")]
#[case::locked(423, "refused 423", "refused 423")]
#[case::limited(429, "wait 60", "wait 60")]
#[tokio::test]
async fn a_status_has_one_meaning(#[case] status: u16, #[case] read: &str, #[case] write: &str) {
    let kinds = kinds(answer(status, &json!({ "message": "no" }))).await;
    assert_eq!(kinds, (read.to_owned(), write.to_owned()));
}

#[rstest]
#[case::told(answer(403, &json!({})).insert_header("retry-after", "90"), "wait 90")]
#[case::secondary(answer(403, &json!({ "message": "You have exceeded a secondary rate limit" })), "wait 60")]
#[case::a_page_of_a_proxy(ResponseTemplate::new(429).set_body_string("<html>slow down</html>"), "wait 60")]
#[tokio::test]
async fn a_limit_stops_reads_and_writes_alike(#[case] response: ResponseTemplate, #[case] expected: &str) {
    assert_eq!(kinds(response).await, (expected.to_owned(), expected.to_owned()));
}

#[rstest]
#[case::slow(answer(200, &json!({})).set_delay(Duration::from_secs(3)))]
#[case::no_json(ResponseTemplate::new(200).set_body_string("<html>welcome</html>"))]
#[case::another_shape(answer(200, &json!({ "id": "five", "number": {} })))]
#[case::nothing_we_need(answer(200, &json!({})))]
#[case::too_large(ResponseTemplate::new(200).set_body_string(" ".repeat((16 << 20) + 1)))]
#[tokio::test]
async fn an_answer_that_says_nothing_leaves_a_write_open(#[case] response: ResponseTemplate) {
    let kinds = kinds(response).await;
    assert_eq!(kinds, ("unavailable".to_owned(), "ambiguous".to_owned()));
}

#[tokio::test]
async fn the_texts_of_github_are_passed_on_within_bounds() {
    let world = World::new().await;
    let told = json!({
        "message": "Validation Failed",
        "errors": [{ "message": "No commits between main and x" }, { "code": "invalid", "field": "head" }],
        "documentation_url": "https://docs.github.com/rest",
    });
    world.on("GET", ISSUE, answer(422, &told)).await;
    let error = world
        .host
        .issue(&here(), 5)
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("Validation Failed; No commits between main and x; "),
        "{error}"
    );
    assert!(error.contains("issue #5 of acme/shop"), "{error}");

    let world = World::new().await;
    world
        .on("GET", ISSUE, answer(422, &json!({ "message": "ж".repeat(9000) })))
        .await;
    let error = world
        .host
        .issue(&here(), 5)
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.chars().count() < 500, "{error}");
}

#[tokio::test]
async fn a_dismissed_token_is_replaced_once_for_a_read() {
    let world = World::new().await;
    world
        .on(
            "GET",
            ISSUE,
            answer(401, &json!({ "message": "Bad credentials" })),
        )
        .await;
    let error = world.host.issue(&here(), 5).await.expect_err("twice refused");
    assert_eq!(kind(&error), "refused 401");
    assert_eq!(world.asked().await.len(), 2);
    assert_eq!(world.minted().await.len(), 2);
}

#[tokio::test]
async fn a_read_goes_on_with_the_fresh_token() {
    let world = World::new().await;
    let dismissed = answer(401, &json!({ "message": "Bad credentials" }));
    let first = wiremock::Mock::given(wiremock::matchers::path(ISSUE)).respond_with(dismissed);
    first.up_to_n_times(1).mount(&world.server).await;
    world.on("GET", ISSUE, answer(200, &an_issue())).await;
    assert_eq!(
        world
            .host
            .issue(&here(), 5)
            .await
            .expect("the second time")
            .number,
        5
    );
}

#[tokio::test]
async fn a_write_with_a_dismissed_token_is_left_to_the_next_try() {
    let world = World::new().await;
    world
        .on(
            "POST",
            COMMENTS,
            answer(401, &json!({ "message": "Bad credentials" })),
        )
        .await;
    let mut tried = Vec::new();
    for _ in 0..2 {
        let error = world
            .host
            .create_comment(&here(), 5, "b")
            .await
            .expect_err("refused");
        tried.push(kind(&error));
    }
    assert_eq!(tried, ["unavailable", "unavailable"]);
    assert_eq!(world.asked().await.len(), 2, "one each");
    assert_eq!(world.minted().await.len(), 2, "the first token was thrown away");
}

#[rstest]
#[case::uninstalled(404, json!({ "message": "Not Found" }), "refused 404", "install the App again")]
#[case::permission_not_granted(422, json!({ "message": "not granted" }), "refused 422", "not granted")]
#[case::key_refused(401, json!({ "message": "no such key" }), "refused 401", "no such key")]
#[case::away(503, json!({}), "unavailable", "Service Unavailable")]
#[case::limited(429, json!({}), "wait 60", "asks to wait")]
#[tokio::test]
async fn without_a_token_nothing_was_written(
    #[case] status: u16,
    #[case] body: serde_json::Value,
    #[case] expected: &str,
    #[case] told: &str,
) {
    let world = World::new().await;
    world
        .on(
            "POST",
            "/app/installations/1/access_tokens",
            answer(status, &body),
        )
        .await;
    let write = world
        .host
        .create_comment(&here(), 5, "b")
        .await
        .expect_err("no token");
    let look = world
        .host
        .branch_head(&here(), "main")
        .await
        .expect_err("no token");
    assert_eq!(
        (kind(&write), kind(&look)),
        (expected.to_owned(), expected.to_owned())
    );
    assert!(write.to_string().contains(told), "{write}");
    assert_eq!(world.asked().await, Vec::<String>::new());
}

/// What a write means that is sent to `address`, where no GitHub is.
async fn write_to(address: &str, until: Instant) -> String {
    let transport =
        Transport::new(&config(&format!("http://{address}"), &KeyFile::write())).expect("it prepares");
    let call = Call::write("write", http::Method::POST, "/x", "a write").with(json!({ "a": 1 }));
    match transport
        .send(&call, &SecretString::from("ghs_canary"), until)
        .await
    {
        Ok(_) => "answered".to_owned(),
        Err(lost) => {
            let error = refusal::lost(&call, lost);
            assert!(!error.to_string().contains("canary"), "{error}");
            kind(&error)
        }
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test]
async fn a_write_that_nobody_took_was_not_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    assert_eq!(write_to(&address, soon()).await, "unavailable");
    assert_eq!(
        write_to("no-such-host.localhost.invalid:1", soon()).await,
        "unavailable"
    );
    assert_eq!(
        write_to(&address, Instant::now()).await,
        "unavailable",
        "too late to begin"
    );
}

#[rstest]
#[case::before_an_answer("")]
#[case::within_the_head("HTTP/1.1 201 Created\r\ncontent-le")]
#[case::within_the_body("HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{\"id\":")]
#[tokio::test]
async fn a_write_whose_connection_broke_may_have_been_done(#[case] said: &'static str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let read = stream.read(&mut [0; 4096]).await.expect("a request");
        assert_ne!(read, 0);
        stream.write_all(said.as_bytes()).await.expect("it reads");
    });
    assert_eq!(write_to(&address, soon()).await, "ambiguous");
    server.await.expect("no panic");
}

#[tokio::test]
async fn a_write_that_outlives_its_deadline_may_have_been_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let until = Instant::now() + Duration::from_millis(200);
    assert_eq!(write_to(&address, until).await, "ambiguous");
}
