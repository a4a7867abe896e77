//! A gateway over real HTTP on a database of its own, and GitHub's side of the line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gateway::{Config, GithubConfig, WebhookConfig};
use hmac::{Hmac, KeyInit, Mac};
use orchestrator::credential::{EdgeKey, MasterKey};
use orchestrator::testing::TestDb;
use orchestrator::{Clock, Orchestrator};
use reqwest::{RequestBuilder, Response};
use sha2::Sha256;
use telemetry::Shutdown;
use tokio::task::JoinHandle;

pub(crate) const SECRET: &str = "the current secret";
pub(crate) const PREVIOUS: &str = "the one before";

pub(crate) struct World {
    pub(crate) db: TestDb,
    pub(crate) orchestrator: Orchestrator,
    /// What each gateway has opened, under its role.
    pub(crate) opened: Vec<Orchestrator>,
    pub(crate) address: SocketAddr,
    pub(crate) secret_file: PathBuf,
    client: reqwest::Client,
    shutdown: Shutdown,
    serving: Vec<JoinHandle<anyhow::Result<()>>>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let db = TestDb::new().await;
        let orchestrator = db
            .orchestrator_with(Clock::default(), MasterKey::generate())
            .await;
        let folder = tempfile::tempdir().unwrap();
        let secret_file = folder.path().join("secret");
        std::fs::write(&secret_file, format!("{SECRET}\n")).unwrap();
        std::fs::write(folder.path().join("previous"), PREVIOUS).unwrap();
        // Another test of this process may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            .no_proxy()
            .build()
            .unwrap();
        let mut world = Self {
            db,
            orchestrator,
            opened: Vec::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret_file,
            client,
            shutdown: Shutdown::new(),
            serving: Vec::new(),
            _folder: folder,
        };
        world.address = world.replica().await;
        world
    }

    /// Serves one more gateway on the same database.
    pub(crate) async fn replica(&mut self) -> SocketAddr {
        let nobody: url::Url = "http://127.0.0.1:9".parse().unwrap();
        let config = Config {
            public_url: nobody.clone(),
            mcp_upstream: nobody.clone(),
            console_dir: None,
            trusted_proxies: Vec::new(),
            oauth_document_hosts: Vec::new(),
            webhook: WebhookConfig {
                webhook_secret_file: self.secret_file.clone(),
                webhook_previous_secret_file: Some(self.secret_file.with_file_name("previous")),
            },
            github: GithubConfig {
                github_web_url: nobody.clone(),
                github_api_url: nobody,
                github_client_id: "a client".into(),
                github_client_secret_file: self.secret_file.clone(),
            },
        };
        let listener = telemetry::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let under_its_role = self.db.gateway(Clock::default(), EdgeKey::generate()).await;
        self.opened.push(under_its_role.clone());
        let serving = gateway::serve(config, under_its_role, listener, self.shutdown.clone());
        self.serving.push(tokio::spawn(serving));
        address
    }

    pub(crate) fn request(&self) -> RequestBuilder {
        self.request_to(self.address)
    }

    pub(crate) fn request_to(&self, address: SocketAddr) -> RequestBuilder {
        self.client.post(format!("http://{address}/webhooks/github"))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client
            .get(format!("http://{}{path}", self.address))
            .send()
            .await
            .unwrap()
    }

    /// Sends a body as GitHub does.
    pub(crate) async fn deliver(&self, guid: &str, body: &[u8]) -> Response {
        signed(self.request(), guid, body).send().await.unwrap()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.db.pool()).await.unwrap()
    }

    pub(crate) async fn end(self) {
        self.shutdown.begin();
        for serving in self.serving {
            serving.await.unwrap().unwrap();
        }
        self.orchestrator.close().await;
        self.db.done().await;
    }
}

pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .unwrap()
        .chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

pub(crate) fn signed(request: RequestBuilder, guid: &str, body: &[u8]) -> RequestBuilder {
    request
        .header("X-GitHub-Event", "issues")
        .header("X-GitHub-Delivery", guid)
        .header("X-Hub-Signature-256", signature(SECRET, body))
        .header("Content-Type", "application/json")
        .body(body.to_vec())
}

/// Status and text of an answer.
pub(crate) async fn told(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}
