//! The adapter against a service that answers well, badly, late or not at all.

use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::embedder::EmbedderKind;

fn config(address: &str, key_file: Option<PathBuf>) -> EmbedderConfig {
    EmbedderConfig {
        embedder: EmbedderKind::OpenAi,
        embedder_weights: PathBuf::new(),
        embedder_program: None,
        embedder_url: address.parse().expect("an address"),
        embedder_model: "small".to_owned(),
        embedder_dims: 2,
        embedder_key_file: key_file,
    }
}

fn adapter(server: &MockServer) -> OpenAiEmbedder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    OpenAiEmbedder::new(&config(&format!("{}/v1", server.uri()), None)).expect("usable")
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text {number}")).collect()
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let mock = Mock::given(method("POST")).and(path("/v1/embeddings"));
    mock.respond_with(answer).mount(&server).await;
    server
}

fn data(items: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "data": items }))
}

#[tokio::test]
async fn vectors_come_in_the_order_of_their_texts_and_one_unit_long() {
    let key = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(key.path(), "sk-canary\n").expect("written");
    let server = MockServer::start().await;
    let asked = json!({ "model": "small", "input": ["text 0", "text 1"], "encoding_format": "float" });
    let answer = data(&json!([
        { "index": 1, "embedding": [0.0, 2.0] },
        { "index": 0, "embedding": [3.0, 4.0] },
    ]));
    Mock::given(header("authorization", "Bearer sk-canary"))
        .and(body_partial_json(asked))
        .respond_with(answer)
        .expect(1)
        .mount(&server)
        .await;
    let config = config(&format!("{}/v1/", server.uri()), Some(key.path().to_owned()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let adapter = OpenAiEmbedder::new(&config).expect("usable");
    let vectors = adapter.embed(&texts(2)).await.expect("vectors");
    assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    assert!(adapter.model().is_external);
}

#[rstest]
#[case::too_few(json!([{ "index": 0, "embedding": [1.0, 0.0] }]), "1 vectors for 2 texts")]
#[case::twice(json!([{ "index": 0, "embedding": [1.0, 0.0] }, { "index": 0, "embedding": [1.0, 0.0] }]), "a vector for the text 0")]
#[case::out_of_range(json!([{ "index": 0, "embedding": [1.0, 0.0] }, { "index": 9, "embedding": [1.0, 0.0] }]), "a vector for the text 9")]
#[case::longer(json!([{ "index": 0, "embedding": [1.0, 0.0, 0.0] }, { "index": 1, "embedding": [1.0, 0.0] }]), "3 numbers, and 2 were told")]
#[case::a_hole(json!([{ "index": 0, "embedding": [null, 0.0] }, { "index": 1, "embedding": [1.0, 0.0] }]), "a hole")]
#[case::nowhere(json!([{ "index": 0, "embedding": [0.0, 0.0] }, { "index": 1, "embedding": [1.0, 0.0] }]), "without a direction")]
#[case::no_numbers(json!("vectors"), "not one")]
#[tokio::test]
async fn an_answer_that_is_none_is_refused(#[case] items: Value, #[case] words: &str) {
    let server = answering(data(&items)).await;
    let error = adapter(&server).embed(&texts(2)).await.expect_err("bad");
    let EmbedderError::Refused { message } = error else {
        panic!("{error}");
    };
    assert!(message.contains(words), "{message}");
}

#[tokio::test]
async fn nan_is_no_number() {
    let body = r#"{"data":[{"index":0,"embedding":[NaN,1.0]}]}"#;
    let server = answering(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
    let error = adapter(&server).embed(&texts(1)).await.expect_err("bad");
    assert!(matches!(error, EmbedderError::Refused { .. }), "{error}");
}

#[rstest]
#[case::told(429, Some("7"), Some(7))]
#[case::not_told(429, None, None)]
#[case::broken(500, None, None)]
#[case::overloaded(503, Some("2"), Some(2))]
#[tokio::test]
async fn later_may_help(#[case] status: u16, #[case] told: Option<&str>, #[case] seconds: Option<u64>) {
    let mut answer = ResponseTemplate::new(status).set_body_string("slow down");
    if let Some(told) = told {
        answer = answer.insert_header("retry-after", told);
    }
    let server = answering(answer).await;
    match adapter(&server).embed(&texts(1)).await.expect_err("not now") {
        EmbedderError::Unavailable { message, retry_after } => {
            assert!(message.contains("slow down"), "{message}");
            assert_eq!(retry_after, seconds.map(Duration::from_secs));
        }
        refused @ EmbedderError::Refused { .. } => panic!("{refused}"),
    }
}

#[rstest]
#[case::key(ResponseTemplate::new(401).set_body_string("Incorrect API key provided: sk-canary"))]
#[case::request(ResponseTemplate::new(400).set_body_string("no such model"))]
#[tokio::test]
async fn a_refusal_is_told_without_the_key(#[case] answer: ResponseTemplate) {
    let server = answering(answer).await;
    let error = adapter(&server).embed(&texts(1)).await.expect_err("refused");
    assert!(matches!(error, EmbedderError::Refused { .. }), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn texts_follow_no_redirect() {
    let elsewhere = answering(data(&json!([{ "index": 0, "embedding": [1.0, 0.0] }]))).await;
    let to = format!("{}/v1/embeddings", elsewhere.uri());
    let server = answering(ResponseTemplate::new(307).insert_header("location", &*to)).await;
    let error = adapter(&server).embed(&texts(1)).await.expect_err("not followed");
    assert!(matches!(error, EmbedderError::Refused { .. }), "{error}");
    let seen = elsewhere.received_requests().await.expect("recorded");
    assert!(seen.is_empty(), "somebody else got the texts");
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let server = answering(ResponseTemplate::new(200).set_body_bytes(vec![b' '; MOST_BYTES + 1])).await;
    let error = adapter(&server).embed(&texts(1)).await.expect_err("too long");
    assert!(error.to_string().contains("more than"), "{error}");
}

#[tokio::test]
async fn a_service_that_is_away_is_asked_again() {
    let server = answering(ResponseTemplate::new(200)).await;
    let adapter = adapter(&server);
    drop(server);
    let gone = OpenAiEmbedder {
        url: "http://127.0.0.1:1/v1/embeddings".parse().expect("an address"),
        ..adapter
    };
    let error = gone.embed(&texts(1)).await.expect_err("nobody is there");
    assert!(matches!(error, EmbedderError::Unavailable { .. }), "{error}");
    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn a_key_never_travels_in_the_clear() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let key = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(key.path(), "sk-canary").expect("written");
    let with = |key: &std::path::Path| {
        let config = config("http://embedder.invalid/v1", Some(key.to_owned()));
        OpenAiEmbedder::new(&config).expect("usable")
    };
    let error = with(key.path()).embed(&texts(1)).await.expect_err("not sent");
    assert!(matches!(error, EmbedderError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("in the clear") && !error.to_string().contains("canary"));
    let error = with("/nowhere/key".as_ref())
        .embed(&texts(1))
        .await
        .expect_err("nobody is there");
    assert!(
        matches!(error, EmbedderError::Unavailable { .. }),
        "without a key it is tried: {error}"
    );
}
