//! GitHub, the gateway and the tools over HTTP, on one database with a clock that tests move.

use std::path::PathBuf;
use std::time::Duration;

use gateway::{Config, GithubConfig, WebhookConfig};
use github_sim::{AccountKind, AccountSeed, AppKey, AppSeed, GithubSim, Seed};
use orchestrator::actor::PlatformRole;
use orchestrator::credential::{self, EdgeKey, MasterKey, SealedBy};
use orchestrator::identity::{self, Person};
use orchestrator::testing::TestDb;
use orchestrator::{Clock, Orchestrator};
use telemetry::Shutdown;
use url::Url;

use crate::browser::Browser;

pub(crate) const CLIENT_SECRET: &str = "the App's client secret";

pub(crate) struct World {
    pub(crate) db: TestDb,
    pub(crate) clock: Clock,
    /// As mcp-server and the command line have it.
    pub(crate) inside: Orchestrator,
    /// As the gateway has it.
    pub(crate) edge: Orchestrator,
    pub(crate) github: GithubSim,
    pub(crate) gateway_url: String,
    /// The tools as runs reach them.
    pub(crate) tools_url: String,
    pub(crate) http: reqwest::Client,
    shutdown: Shutdown,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    /// With something else in the place of the tools.
    pub(crate) async fn with(upstream: Option<Url>) -> Self {
        let db = TestDb::new().await;
        let clock = Clock::default();
        let inside = db.orchestrator_with(clock.clone(), MasterKey::generate()).await;
        let key = EdgeKey::generate();
        let edge = db.edge(clock.clone(), key.clone()).await;
        let under_its_role = db.gateway(clock.clone(), key).await;
        let folder = tempfile::tempdir().unwrap();
        let github = github(folder.path().to_owned()).await;
        let (listener, gateway_url) = port().await;
        github.set_callback_urls(vec![format!("{gateway_url}/login/callback")]);
        let public: Url = format!("{gateway_url}/mcp").parse().unwrap();
        credential::ensure_signing_key(&edge, public.as_str(), SealedBy::Edge)
            .await
            .unwrap();
        let shutdown = Shutdown::new();
        let upstream = match upstream {
            Some(upstream) => upstream,
            None => tools(&inside, public, &shutdown).await,
        };
        let tools_url = upstream.as_str().trim_end_matches('/').to_owned();
        let config = config(&folder, &gateway_url, upstream, github.url());
        tokio::spawn(gateway::serve(config, under_its_role, listener, shutdown.clone()));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            db,
            clock,
            inside,
            edge,
            github,
            gateway_url,
            tools_url,
            http,
            shutdown,
            _folder: folder,
        }
    }

    /// The audience of runs' tokens.
    pub(crate) fn inside_audience(&self) -> String {
        format!("{}/mcp", self.tools_url)
    }

    /// The audience of people's tokens.
    pub(crate) fn public_audience(&self) -> String {
        format!("{}/mcp", self.gateway_url)
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.http.clone(), &self.gateway_url, self.github.url())
    }

    /// Makes somebody known to the platform; ids are those of the simulated GitHub.
    pub(crate) async fn know(&self, login: &str, role: Option<PlatformRole>) -> Person {
        let mut tx = self.inside.begin("test.know").await.unwrap();
        let person = identity::ensure_person(&mut tx, id_of(login), login, role)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        person
    }

    /// A browser in which somebody who is known is signed in.
    pub(crate) async fn signed_in(&self, login: &str) -> Browser {
        self.know(login, None).await;
        let mut browser = self.browser();
        let answer = browser.sign_in(login).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        browser
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.db.pool()).await.unwrap()
    }

    /// Ends all, and checks that GitHub was asked only what it offers.
    pub(crate) async fn end(self) {
        let log = self.github.log().await.unwrap();
        assert!(log.contract_errors.is_empty(), "{:?}", log.contract_errors);
        self.shutdown.begin();
        self.inside.close().await;
        self.edge.close().await;
        self.github.stop().await.unwrap();
        self.db.done().await;
    }
}

pub(crate) const PEOPLE: [(&str, i64); 3] = [("ada", 501), ("ben", 502), ("sam", 503)];

fn id_of(login: &str) -> i64 {
    PEOPLE.iter().find(|(is, _)| *is == login).expect("seeded").1
}

async fn port() -> (tokio::net::TcpListener, String) {
    let listener = telemetry::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

async fn github(data_dir: PathBuf) -> GithubSim {
    // Making a key takes seconds in a debug build.
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gateway-app.pem");
    let key = tokio::task::spawn_blocking(move || AppKey::load_or_generate(&file));
    let app = AppSeed {
        client_secret: CLIENT_SECRET.into(),
        ..AppSeed::new(key.await.unwrap().unwrap())
    };
    let github = GithubSim::start(github_sim::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir,
        app,
        webhook: None,
        keep_state: false,
        control_key: None,
        webhooks_at_once: 1,
    })
    .await
    .unwrap();
    let mut accounts: Vec<_> = PEOPLE
        .iter()
        .map(|(login, id)| AccountSeed {
            id: u64::try_from(*id).ok(),
            login: (*login).to_owned(),
            ..AccountSeed::default()
        })
        .collect();
    accounts.push(AccountSeed {
        id: Some(500),
        login: "acme".into(),
        kind: AccountKind::Organization,
        ..AccountSeed::default()
    });
    let seed = Seed {
        accounts,
        repositories: Vec::new(),
    };
    github.seed(&seed).await.unwrap();
    github
}

async fn tools(inside: &Orchestrator, public: Url, shutdown: &Shutdown) -> Url {
    let (listener, url) = port().await;
    let mut config = mcp_server::Config::new(format!("{url}/mcp").parse().unwrap());
    config.public_resource = Some(public);
    tokio::spawn(mcp_server::serve(
        config,
        inside.clone(),
        listener,
        shutdown.clone(),
    ));
    url.parse().unwrap()
}

fn config(folder: &tempfile::TempDir, gateway_url: &str, upstream: Url, github: &str) -> Config {
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
    Config {
        public_url: gateway_url.parse().unwrap(),
        mcp_upstream: upstream,
        console_dir: None,
        trusted_proxies: Vec::new(),
        oauth_document_hosts: Vec::new(),
        webhook: WebhookConfig {
            webhook_secret_file: secret.clone(),
            webhook_previous_secret_file: None,
        },
        github: GithubConfig {
            github_web_url: github.parse().unwrap(),
            github_api_url: github.parse().unwrap(),
            github_client_id: "Iv23liSimulatedClient0".into(),
            github_client_secret_file: secret,
        },
    }
}
