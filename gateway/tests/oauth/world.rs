//! A gateway over real HTTP, a person with a session, and a client's side of the protocol.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::{Config, GithubConfig, WebhookConfig};
use orchestrator::credential::{self, EdgeKey, SealedBy};
use orchestrator::identity::oauth::NewClient;
use orchestrator::identity::session::{self, Browser, Method};
use orchestrator::identity::{self, Person};
use orchestrator::testing::TestDb;
use orchestrator::{Clock, Orchestrator};
use reqwest::header::{COOKIE, LOCATION, ORIGIN};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::{Digest, Sha256};
use telemetry::Shutdown;
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};

/// Of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const REDIRECT: &str = "http://127.0.0.1:7777/cb";

pub(crate) struct World {
    pub(crate) db: TestDb,
    pub(crate) clock: Clock,
    pub(crate) edge: Orchestrator,
    pub(crate) person: Person,
    pub(crate) url: String,
    cookie: String,
    http: reqwest::Client,
    shutdown: Shutdown,
    serving: JoinHandle<anyhow::Result<()>>,
    _folder: tempfile::TempDir,
}

/// What `/token` answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let db = TestDb::new().await;
        let clock = Clock::default();
        let key = EdgeKey::generate();
        let edge = db.edge(clock.clone(), key.clone()).await;
        let under_its_role = db.gateway(clock.clone(), key).await;
        let listener = telemetry::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        credential::ensure_signing_key(&edge, &format!("{url}/mcp"), SealedBy::Edge)
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "a secret").unwrap();
        let config = Config {
            public_url: url.parse().unwrap(),
            mcp_upstream: "http://127.0.0.1:1".parse().unwrap(),
            console_dir: None,
            trusted_proxies: Vec::new(),
            oauth_document_hosts: vec!["claude.ai".into()],
            webhook: WebhookConfig {
                webhook_secret_file: secret.clone(),
                webhook_previous_secret_file: None,
            },
            github: GithubConfig {
                github_web_url: "http://127.0.0.1:1".parse().unwrap(),
                github_api_url: "http://127.0.0.1:1".parse().unwrap(),
                github_client_id: "client".into(),
                github_client_secret_file: secret,
            },
        };
        let shutdown = Shutdown::new();
        let serving = tokio::spawn(gateway::serve(config, under_its_role, listener, shutdown.clone()));
        let person = person(&edge, 1).await;
        let cookie = sign_in(&edge, &person).await;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(20));
        Self {
            cookie: format!("session-{}={cookie}", url.rsplit(':').next().unwrap()),
            db,
            clock,
            edge,
            person,
            url,
            http: http.build().unwrap(),
            shutdown,
            serving,
            _folder: folder,
        }
    }

    pub(crate) fn audience(&self) -> String {
        format!("{}/mcp", self.url)
    }

    /// Signs another person in, in the browser of this world.
    pub(crate) async fn become_another(&mut self) {
        self.person = person(&self.edge, 2).await;
        let cookie = sign_in(&self.edge, &self.person).await;
        self.cookie = format!("session-{}={cookie}", self.url.rsplit(':').next().unwrap());
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    pub(crate) async fn register(&self, metadata: Value) -> Answer {
        let request = self.post("/register").body(metadata.to_string());
        answer(request.send().await.unwrap()).await
    }

    /// A client that registered itself.
    pub(crate) async fn dynamic(&self) -> String {
        let metadata = serde_json::json!({"client_name": "Editor", "redirect_uris": [REDIRECT]});
        self.register(metadata).await.text("client_id").to_owned()
    }

    /// Opens `/authorize` as the signed-in browser does.
    pub(crate) async fn open(&self, query: &str) -> Response {
        self.get(&format!("/authorize?{query}"))
            .header(COOKIE, &self.cookie)
            .send()
            .await
            .unwrap()
    }

    /// Answers the page with the form it holds.
    pub(crate) async fn decide(&self, query: &str, decision: &str) -> Response {
        let page = self.open(query).await;
        assert_eq!(page.status(), 200, "{}", page.text().await.unwrap());
        let csrf = csrf(&page.text().await.unwrap());
        self.submit(query, &csrf, decision, &self.url)
            .send()
            .await
            .unwrap()
    }

    pub(crate) fn submit(&self, query: &str, csrf: &str, decision: &str, origin: &str) -> RequestBuilder {
        let form = form(&[("query", query), ("csrf", csrf), ("decision", decision)]);
        self.post("/authorize")
            .header(COOKIE, &self.cookie)
            .header(ORIGIN, origin)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
    }

    /// Lets a client in, and answers the code.
    pub(crate) async fn code(&self, query: &str) -> String {
        let back = sent_to(&self.decide(query, "allow").await);
        of(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
    }

    pub(crate) async fn token(&self, pairs: &[(&str, &str)]) -> Answer {
        answer(self.form("/token", pairs).send().await.unwrap()).await
    }

    pub(crate) fn form(&self, path: &str, pairs: &[(&str, &str)]) -> RequestBuilder {
        self.post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(pairs))
    }

    /// The whole way of a public client, to its first tokens.
    pub(crate) async fn tokens(&self, client_id: &str) -> Answer {
        let code = self.code(&query(&[("client_id", client_id)])).await;
        let answer = self.redeem(client_id, &code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer
    }

    pub(crate) async fn redeem(&self, client_id: &str, code: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", client_id),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, client_id: &str, token: &str) -> Answer {
        let pairs = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", client_id),
        ];
        self.token(&pairs).await
    }

    /// Whether mcp-server would believe a token.
    pub(crate) async fn counts(&self, token: &str) -> bool {
        let proven = credential::prove(&self.edge, &[&self.audience()], token).await;
        proven.is_ok_and(|proven| proven.check(credential::Leniency::None).is_ok())
    }

    /// The value of a personal token that was made with another one.
    pub(crate) async fn made_with(&self, token: &str) -> String {
        let audience = self.audience();
        let proven = credential::prove(&self.edge, &[&audience], token).await.unwrap();
        let new = credential::NewToken {
            name: "laptop".into(),
            program: None,
            days: 90,
            narrowing: credential::Narrowing::default(),
        };
        let (actor, maker) = (&proven.actor, proven.token_id);
        let made = credential::make_token(&self.edge, actor, maker, &audience, new, None).await;
        made.unwrap().1.unwrap().token.expose_secret().to_owned()
    }

    pub(crate) async fn end(self) {
        self.shutdown.begin();
        self.serving.await.unwrap().unwrap();
        self.edge.close().await;
        self.db.done().await;
    }
}

async fn person(edge: &Orchestrator, id: i64) -> Person {
    let mut tx = edge.begin("test.person").await.unwrap();
    let person = identity::ensure_person(&mut tx, id, &format!("person-{id}"), None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    person
}

async fn sign_in(edge: &Orchestrator, person: &Person) -> String {
    let mut tx = edge.begin("test.session").await.unwrap();
    let opened = session::open(&mut tx, person, Method::Github, Browser::default(), None)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    opened.cookie.expose_secret().to_owned()
}

pub(crate) fn new_client(redirect_uris: &[&str]) -> NewClient {
    NewClient {
        name: Some("An editor".into()),
        redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
    }
}

pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// A request in order, but for what is named: an empty value leaves a parameter out.
pub(crate) fn query(changes: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("state", "a state"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("scope", "tools offline_access"),
    ];
    for change in changes {
        pairs.retain(|(name, _)| *name != change.0);
        if !change.1.is_empty() {
            pairs.push(*change);
        }
    }
    form(&pairs)
}

/// The value of the page's hidden field.
pub(crate) fn csrf(page: &str) -> String {
    let after = page
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no form in {page}"));
    after.split('"').next().unwrap().to_owned()
}

/// Where an answer sends a browser.
pub(crate) fn sent_to(response: &Response) -> Url {
    assert_eq!(response.status(), 303, "{response:?}");
    response.headers()[LOCATION].to_str().unwrap().parse().unwrap()
}

pub(crate) fn of(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(is, _)| is == name)
        .map(|(_, value)| value.into_owned())
}

pub(crate) async fn answer(response: Response) -> Answer {
    let status = response.status().as_u16();
    let body = response.json().await.unwrap_or(Value::Null);
    Answer { status, body }
}
