//! A server that plays GitHub, and the adapter that asks it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use orchestrator::Clock;
use orchestrator::ports::code_host::{HostAccount, RepositoryRef};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::key::KeyFile;
use crate::github::{GithubConfig, GithubHost};

pub(crate) struct World {
    pub(crate) server: MockServer,
    pub(crate) host: GithubHost,
    pub(crate) clock: Clock,
    _key: KeyFile,
}

/// Mints a token that tells which one it is, in GitHub's long form.
struct Mint {
    count: AtomicU32,
    clock: Clock,
}

impl Respond for Mint {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let token = format!(
            "ghs_{count}_{}.{}.{}",
            "a".repeat(170),
            "b".repeat(170),
            "c".repeat(170)
        );
        let expires_at = self.clock.now() + SignedDuration::from_hours(1);
        ResponseTemplate::new(201).set_body_json(json!({ "token": token, "expires_at": expires_at }))
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::below("").await
    }

    /// A GitHub whose API is below `base`, as an Enterprise Server's is.
    pub(crate) async fn below(base: &str) -> Self {
        let (server, clock, key) = (MockServer::start().await, Clock::default(), KeyFile::write());
        let host = GithubHost::new(&config(&format!("{}{base}", server.uri()), &key), clock.clone())
            .expect("a good configuration");
        let world = Self {
            server,
            host,
            clock,
            _key: key,
        };
        world.mint_below(base).await;
        world
    }

    /// Mints tokens again after the server forgot how.
    pub(crate) async fn mint(&self) {
        self.mint_below("").await;
    }

    async fn mint_below(&self, base: &str) {
        let mint = Mint {
            count: AtomicU32::new(0),
            clock: self.clock.clone(),
        };
        Mock::given(method("POST"))
            .and(path_regex(format!(
                "^{base}/app/installations/[0-9]+/access_tokens$"
            )))
            .respond_with(mint)
            .with_priority(200) // a test may answer otherwise
            .mount(&self.server)
            .await;
    }

    /// Answers one method and path.
    pub(crate) async fn on(&self, verb: &str, at: &str, answer: impl Respond + 'static) {
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// The requests seen so far, as `METHOD /path`, those for tokens left out.
    pub(crate) async fn asked(&self) -> Vec<String> {
        self.requests()
            .await
            .iter()
            .filter(|request| !is_for_token(request))
            .map(|request| {
                let query = request
                    .url
                    .query()
                    .map(|query| format!("?{query}"))
                    .unwrap_or_default();
                format!("{} {}{query}", request.method, request.url.path())
            })
            .collect()
    }

    /// What was asked for in each request for a token.
    pub(crate) async fn minted(&self) -> Vec<Value> {
        let requests = self.requests().await;
        let bodies = requests.iter().filter(|request| is_for_token(request));
        bodies.map(|request| request.body_json().expect("JSON")).collect()
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.expect("they are recorded")
    }
}

fn is_for_token(request: &Request) -> bool {
    request.url.path().ends_with("/access_tokens")
}

pub(crate) fn config(url: &str, key: &KeyFile) -> GithubConfig {
    GithubConfig {
        github_api_url: url.parse().expect("an address"),
        github_app_id: "7".to_owned(),
        github_private_key_file: key.path.clone(),
        github_connect_timeout: Duration::from_secs(5),
        github_read_timeout: Duration::from_millis(700),
        github_write_timeout: Duration::from_secs(5),
        github_call_deadline: Duration::from_secs(20),
    }
}

pub(crate) fn here() -> RepositoryRef {
    RepositoryRef {
        installation_id: 1,
        github_repository_id: 42,
        owner: "acme".to_owned(),
        name: "shop".to_owned(),
    }
}

pub(crate) fn ann() -> HostAccount {
    HostAccount {
        github_user_id: 4,
        login: "ann".to_owned(),
    }
}

pub(crate) fn answer(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

pub(crate) fn an_issue() -> Value {
    json!({
        "number": 5, "title": "T", "state": "open", "updated_at": "2026-01-02T03:04:05Z",
        "labels": [{ "name": "run:dev" }], "user": { "id": 9, "login": "ann" },
        "html_url": "https://github.test/acme/shop/issues/5",
    })
}

pub(crate) fn a_comment(id: i64, author: i64, body: &str) -> Value {
    json!({ "id": id, "body": body, "html_url": "u", "user": { "id": author, "login": "x" } })
}

pub(crate) fn a_pull_request(repository_id: i64, branch: &str) -> Value {
    json!({
        "number": 6, "title": "T", "body": null, "state": "open", "merged_at": null, "draft": true,
        "head": { "ref": branch, "sha": "abc", "repo": { "id": repository_id } },
        "base": { "ref": "main", "sha": "def" }, "user": null, "html_url": "u",
    })
}
