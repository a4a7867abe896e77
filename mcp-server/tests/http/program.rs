//! The program itself: its settings, its two ports, its orderly end.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use orchestrator::Clock;
use orchestrator::credential::{self, MasterKey, SealedBy};
use orchestrator::testing::{AUDIENCE, TestDb};
use tokio::process::{Child, Command};

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

async fn status(url: &str) -> Option<u16> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .build()
        .expect("a client");
    client
        .get(url)
        .send()
        .await
        .ok()
        .map(|response| response.status().as_u16())
}

async fn start(db: &TestDb, folder: &std::path::Path, public: SocketAddr, internal: SocketAddr) -> Child {
    let (url, key) = (folder.join("url"), folder.join("key"));
    std::fs::write(&url, db.url()).expect("a file");
    let master_key = MasterKey::generate();
    std::fs::write(&key, master_key.encode()).expect("a file");
    let orchestrator = db.orchestrator_with(Clock::default(), master_key).await;
    credential::ensure_signing_key(&orchestrator, AUDIENCE, SealedBy::Master)
        .await
        .expect("a signing key");
    Command::new(env!("CARGO_BIN_EXE_mcp-server"))
        .env("CODEXK8S_LISTEN", public.to_string())
        .env("CODEXK8S_INTERNAL_LISTEN", internal.to_string())
        .env("CODEXK8S_DATABASE_URL_FILE", url)
        .env("CODEXK8S_MASTER_KEY_FILE", key)
        .env("CODEXK8S_MCP_RESOURCE", AUDIENCE)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts")
}

#[tokio::test]
async fn it_gets_ready_and_ends_when_told() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let db = TestDb::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (public, internal) = (free_address(), free_address());
    let mut program = start(&db, folder.path(), public, internal).await;
    let began = Instant::now();
    while status(&format!("http://{internal}/readyz")).await != Some(200) {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not get ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(status(&format!("http://{public}/healthz")).await, Some(200));
    assert_eq!(status(&format!("http://{public}/mcp")).await, Some(401));
    assert_eq!(status(&format!("http://{public}/metrics")).await, Some(404));
    assert_eq!(status(&format!("http://{internal}/metrics")).await, Some(200));
    let id = program.id().expect("it runs").to_string();
    let told = Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .await
        .expect("kill");
    assert!(told.success());
    let ended = tokio::time::timeout(Duration::from_secs(10), program.wait())
        .await
        .expect("in time");
    assert!(ended.expect("an end").success());
    db.done().await;
}
