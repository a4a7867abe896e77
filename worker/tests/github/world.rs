//! A seeded simulator and the adapter that is its App.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use github_sim::{
    AccountKind, AccountSeed, AppKey, AppSeed, Config, GithubSim, IssueSeed, RepositorySeed, Role, Seed,
    Webhook,
};
use orchestrator::Clock;
use orchestrator::ports::code_host::RepositoryRef;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use worker::github::{GithubConfig, GithubHost};
use worker::mirror::{MirrorConfig, Mirrors};

pub(crate) const REPOSITORY: &str = "acme/shop";
pub(crate) const ISSUE: i64 = 1;
const REPOSITORY_ID: u64 = 186_853_002;

pub(crate) struct World {
    pub(crate) sim: GithubSim,
    pub(crate) host: Arc<GithubHost>,
    /// Removed with the world.
    folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Making a key takes seconds in a debug build, so one serves all tests of a build folder.
        let key_file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("github-app.pem");
        let app = AppSeed::new(AppKey::load_or_generate(&key_file).expect("a key"));
        let app_id = app.id.to_string();
        let sim = GithubSim::start(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: folder.path().to_owned(),
            app,
            // Nobody listens on port 1: each delivery fails.
            webhook: Some(Webhook {
                url: "http://127.0.0.1:1/".to_owned(),
                secret: "of no use".to_owned(),
            }),
            keep_state: false,
            control_key: None,
            webhooks_at_once: 1,
        })
        .await
        .expect("the simulator starts");
        sim.seed(&seed()).await.expect("the seed fits");
        let config = GithubConfig {
            github_api_url: format!("{}/api/v3", sim.url()).parse().expect("an address"),
            github_app_id: app_id,
            github_private_key_file: key_file,
            github_connect_timeout: Duration::from_secs(5),
            github_read_timeout: Duration::from_secs(2),
            github_write_timeout: Duration::from_secs(2),
            github_call_deadline: Duration::from_secs(20),
        };
        let host = GithubHost::new(&config, Clock::default()).expect("a good configuration");
        Self {
            sim,
            host: Arc::new(host),
            folder,
        }
    }

    pub(crate) fn at(&self) -> RepositoryRef {
        let installation = self.sim.installation_id("acme").expect("the App is installed");
        RepositoryRef {
            installation_id: i64::try_from(installation).expect("a small number"),
            github_repository_id: i64::try_from(REPOSITORY_ID).expect("a small number"),
            owner: "acme".to_owned(),
            name: "shop".to_owned(),
        }
    }

    /// Where a worker keeps its copies of repositories.
    pub(crate) fn mirrors_of(&self, worker: &str) -> Mirrors {
        let config = MirrorConfig {
            knowledge_dir: self.knowledge_dir(),
            knowledge_mib: 512,
            askpass: Some(env!("CARGO_BIN_EXE_worker").into()),
        };
        Mirrors::open(&config, worker).expect("a folder of ours")
    }

    pub(crate) fn knowledge_dir(&self) -> PathBuf {
        self.folder.path().join("knowledge")
    }

    /// How many comments the issue has.
    pub(crate) fn comments(&self) -> usize {
        self.sim.comments(REPOSITORY, 1).expect("the issue").len()
    }

    /// Renames the repository; its old name leads on to the new one.
    pub(crate) async fn rename(&self, name: &str) {
        let body = format!(r#"{{"repository":"{REPOSITORY}","name":"{name}"}}"#);
        self.send("POST", "/_sim/rename", None, &body).await;
    }

    /// Merges a pull request as the owner.
    pub(crate) async fn merge(&self, number: i64) {
        let token = self.sim.person_token("olga").expect("she is known");
        let path = format!("/api/v3/repos/{REPOSITORY}/pulls/{number}/merge");
        self.send("PUT", &path, Some(&token), r#"{"merge_method":"squash"}"#)
            .await;
    }

    /// Wants changes of a pull request, in alice's name.
    pub(crate) async fn want_changes(&self, number: i64, review: &serde_json::Value) {
        let token = self.sim.person_token("alice").expect("a token");
        let path = format!("/api/v3/repos/{REPOSITORY}/pulls/{number}/reviews");
        self.send("POST", &path, Some(&token), &review.to_string()).await;
    }

    async fn send(&self, method: &str, path: &str, token: Option<&str>, body: &str) {
        let address = self.sim.url().strip_prefix("http://").expect("plain HTTP");
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let authorization = token
            .map(|token| format!("authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nuser-agent: a person\r\n\
             x-github-api-version: 2022-11-28\r\n{authorization}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }

    pub(crate) async fn settled(&self) {
        let patience = Duration::from_secs(20);
        self.sim
            .deliveries_settled(patience)
            .await
            .expect("all were tried");
    }

    /// Ends the test: whatever was said must be what GitHub's own description allows.
    pub(crate) async fn end(self) {
        let log = self.sim.log().await.expect("a log");
        assert!(log.contract_errors.is_empty(), "{:#?}", log.contract_errors);
        let unnamed = log.requests.iter().find(|request| {
            let is_git = request.path.contains(".git/");
            !is_git && (request.user_agent.is_none() || request.api_version.as_deref() != Some("2022-11-28"))
        });
        assert!(unnamed.is_none(), "{unnamed:#?}");
    }
}

fn seed() -> Seed {
    let account = |id, login: &str, kind| AccountSeed {
        id: Some(id),
        login: login.to_owned(),
        kind,
        ..AccountSeed::default()
    };
    let people = [
        (501, "olga"),
        (502, "alice"),
        (503, "tina"),
        (504, "rob"),
        (505, "stranger"),
    ];
    let people = people.map(|(id, login)| account(id, login, AccountKind::User));
    let roles = [
        ("alice", Role::Write),
        ("tina", Role::Triage),
        ("rob", Role::Read),
        ("olga", Role::Admin),
    ];
    let shop = RepositorySeed {
        id: Some(REPOSITORY_ID),
        owner: "acme".to_owned(),
        name: "shop".to_owned(),
        roles: roles.map(|(login, role)| (login.to_owned(), role)).into(),
        issues: vec![IssueSeed {
            number: Some(1),
            title: "The price is wrong".to_owned(),
            author: "alice".to_owned(),
            ..IssueSeed::default()
        }],
        ..RepositorySeed::default()
    };
    let other = RepositorySeed {
        owner: "acme".to_owned(),
        name: "other".to_owned(),
        ..RepositorySeed::default()
    };
    Seed {
        accounts: [account(500, "acme", AccountKind::Organization)]
            .into_iter()
            .chain(people)
            .collect(),
        repositories: vec![shop, other],
    }
}
