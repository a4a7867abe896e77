//! The keeper and processes that behave well and badly: small scripts that speak what `local-embedder` speaks.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rstest::rstest;

use super::*;
use crate::embedder::EmbedderKind;

const GREETING: &str = r#"{"name":"all-MiniLM-L6-v2","dims":384,"checksum":"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}"#;
/// Answers each question with one vector, and writes down that it was started.
const GOOD: &str = r#"echo started >> "$2.starts"; echo "$GREETING"; while read -r line; do echo '{"vectors":[[1.0]]}'; done"#;

fn script(folder: &Path, body: &str) -> EmbedderConfig {
    let program = folder.join("program");
    let text = format!("#!/bin/sh\nGREETING='{GREETING}'\n{body}\n");
    std::fs::write(&program, text).expect("written");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("ours");
    EmbedderConfig {
        embedder: EmbedderKind::Local,
        embedder_weights: folder.join("weights"),
        embedder_program: Some(program),
        embedder_url: "https://embedder.example".parse().expect("an address"),
        embedder_model: String::new(),
        embedder_dims: 1,
        embedder_key_file: None,
    }
}

fn starts(folder: &Path) -> usize {
    let starts = std::fs::read_to_string(folder.join("weights.starts")).unwrap_or_default();
    starts.lines().count()
}

#[tokio::test]
async fn the_process_starts_at_the_first_text_and_ends_when_nobody_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = script(folder.path(), GOOD);
    let embedder = LocalEmbedder::with_idle(&config, Duration::from_millis(300)).expect("prepared");
    assert_eq!(starts(folder.path()), 0);
    for _ in 0..2 {
        let vectors = embedder.embed(&["a".to_owned()]).await.expect("a vector");
        assert_eq!(vectors, [[1.0]]);
    }
    assert_eq!(starts(folder.path()), 1, "one process for both");
    tokio::time::sleep(Duration::from_secs(2)).await;
    embedder.embed(&["a".to_owned()]).await.expect("a vector");
    assert_eq!(starts(folder.path()), 2, "the first one ended meanwhile");
}

#[rstest]
#[case::no_weights("echo 'cannot read the weights' >&2; exit 1", "cannot read the weights")]
#[case::other_model(
    r#"echo '{"name":"other","dims":384,"checksum":"00"}'; read -r line"#,
    "another model"
)]
#[case::riddles("echo hello; read -r line", "riddles")]
#[case::silent("exit 0", "ended")]
#[tokio::test]
async fn a_process_that_does_not_hold_the_model_is_told_and_left_alone(
    #[case] body: &str,
    #[case] words: &str,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let config = script(folder.path(), &format!("echo started >> \"$2.starts\"; {body}"));
    let embedder = LocalEmbedder::with_idle(&config, IDLE).expect("prepared");
    for _ in 0..2 {
        match embedder.embed(&["a".to_owned()]).await.expect_err("no model") {
            EmbedderError::Unavailable { message, retry_after } => {
                assert!(message.contains(words), "{message}");
                assert_eq!(retry_after, Some(REST));
            }
            refused @ EmbedderError::Refused { .. } => panic!("{refused}"),
        }
    }
    assert_eq!(starts(folder.path()), 1, "it is not started again at once");
}

#[tokio::test]
async fn one_that_dies_at_work_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let body = format!(
        "if [ -e \"$2.starts\" ]; then {GOOD}\nfi; echo started >> \"$2.starts\"; echo \"$GREETING\"; read -r line"
    );
    let embedder = LocalEmbedder::with_idle(&script(folder.path(), &body), IDLE).expect("prepared");
    let error = embedder.embed(&["a".to_owned()]).await.expect_err("it died");
    assert!(error.to_string().contains("ended"), "{error}");
    embedder
        .embed(&["a".to_owned()])
        .await
        .expect("the next one lives");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = script(folder.path(), GOOD);
    config.embedder_program = Some(folder.path().join("nothing"));
    let embedder = LocalEmbedder::with_idle(&config, IDLE).expect("prepared");
    let error = embedder.embed(&["a".to_owned()]).await.expect_err("no program");
    assert!(error.to_string().contains("nothing does not start"), "{error}");
}
