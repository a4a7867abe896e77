//! Looks: they read and change nothing, and nobody waits for what another left unfinished. What a process remembers of a
//! token is its signature alone.

use std::time::{Duration, Instant};

use orchestrator::credential;
use orchestrator::testing::{AUDIENCE, TestDb, seed};
use orchestrator::{Error, Orchestrator, identity};
use secrecy::ExposeSecret;

async fn one(orchestrator: &Orchestrator) -> i32 {
    let mut look = orchestrator.look("test").await.unwrap();
    sqlx::query_scalar("SELECT 1")
        .fetch_one(&mut *look)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_look_changes_nothing() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    for refused in [
        "UPDATE platform SET max_live_runs = 1",
        "SELECT max_live_runs FROM platform FOR UPDATE",
        "CREATE TABLE left_behind ()",
    ] {
        let mut look = orchestrator.look("test").await.unwrap();
        let error = sqlx::query(refused).execute(&mut *look).await.unwrap_err();
        let code = error
            .as_database_error()
            .and_then(|error| error.code().map(String::from));
        // read_only_sql_transaction
        assert_eq!(code.as_deref(), Some("25006"), "{refused}: {error}");
    }
    let mut look = orchestrator.look("test").await.unwrap();
    let error = identity::know(&mut look, 7, "octocat").await.unwrap_err();
    assert!(matches!(error, Error::Internal(_)), "{error}");
    assert_eq!(one(&orchestrator).await, 1, "a refusal breaks no connection");
    orchestrator.close().await;
    db.done().await;
}

#[tokio::test]
async fn nobody_waits_for_a_statement_that_was_left() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let mut look = orchestrator.look("test").await.unwrap();
    let slow = sqlx::query("SELECT pg_sleep(12)").execute(&mut *look);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), slow)
            .await
            .is_err()
    );
    drop(look);
    let began = Instant::now();
    assert_eq!(one(&orchestrator).await, 1);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());

    let mut look = orchestrator.look("test").await.unwrap();
    let end = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())");
    assert!(end.execute(&mut *look).await.is_err());
    drop(look);
    assert_eq!(
        one(&orchestrator).await,
        1,
        "a connection that broke serves nobody else"
    );
    orchestrator.close().await;
    db.done().await;
}

#[tokio::test]
async fn a_signature_that_held_holds_for_its_key_and_its_token_alone() {
    let db = TestDb::new().await;
    let orchestrator = db.orchestrator().await;
    let project = seed(&orchestrator, "alpha", 1, 1).await.unwrap();
    let until = orchestrator.clock().now() + jiff::SignedDuration::from_hours(1);
    let role = orchestrator::actor::Role::Viewer;
    let made =
        credential::issue_service_token(&orchestrator, AUDIENCE, project.project_id, "ci", role, until);
    let token = made.await.unwrap().token.expose_secret().to_owned();
    let proves = async |token: &str, audience: &str| {
        let proven = credential::prove(&orchestrator, &[audience], token).await;
        match proven {
            Ok(_) => true,
            Err(Error::Unauthenticated(_)) => false,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(proves(&token, AUDIENCE).await && proves(&token, AUDIENCE).await);
    assert!(!proves(&token, "http://other/mcp").await, "another audience");
    let (claims, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{claims}.{other}{}", &signature[1..]);
    assert!(!proves(&forged, AUDIENCE).await, "another signature");

    let swap = "UPDATE signing_keys SET public_key = set_byte(public_key, 0, get_byte(public_key, 0) # 1)";
    sqlx::query(swap).execute(db.pool()).await.unwrap();
    assert!(!proves(&token, AUDIENCE).await, "another key under the same name");
    sqlx::query(swap).execute(db.pool()).await.unwrap();
    assert!(proves(&token, AUDIENCE).await);
    let gone = "DELETE FROM access_tokens WHERE name = 'ci'";
    sqlx::query(gone).execute(db.pool()).await.unwrap();
    assert!(!proves(&token, AUDIENCE).await, "without its row it is no token");
    orchestrator.close().await;
    db.done().await;
}
