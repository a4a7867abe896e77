//! A seeded simulator, a client that signs like an App, and a receiver of webhooks.

mod checkout;
mod client;
mod receiver;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use github_sim::{
    AccountSeed, AppKey, AppSeed, Config, GithubSim, IssueSeed, LabelSeed, Level, RepositorySeed, Role, Seed,
    Webhook,
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use self::checkout::Checkout;
pub(crate) use self::client::{Answer, Client, answer as client_answer, claims, jwt};
pub(crate) use self::receiver::{Receiver, signature};

pub(crate) const SECRET: &str = "the webhook's secret";
pub(crate) const REPOSITORY: &str = "acme/shop";
pub(crate) const REPOSITORY_ID: u64 = 186_853_002;

/// A simulator with one organisation, people of each role, two repositories and a receiver.
pub(crate) struct World {
    pub(crate) sim: GithubSim,
    pub(crate) hooks: Receiver,
    /// Removed with the world.
    _folder: TempDir,
}

/// Returns the App's key, made once per build folder: making one takes seconds in a debug build.
pub(crate) fn key() -> AppKey {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("github-sim-app.pem");
    AppKey::load_or_generate(&file).expect("a key")
}

pub(crate) fn seed() -> Seed {
    let person = |login: &str, id: u64| AccountSeed {
        id: Some(id),
        login: login.into(),
        ..AccountSeed::default()
    };
    let organization = AccountSeed {
        kind: github_sim::AccountKind::Organization,
        ..person("acme", 500)
    };
    let roles = [
        ("alice", Role::Write),
        ("tina", Role::Triage),
        ("rob", Role::Read),
        ("olga", Role::Admin),
    ];
    let shop = RepositorySeed {
        id: Some(REPOSITORY_ID),
        owner: "acme".into(),
        name: "shop".into(),
        roles: roles.map(|(login, role)| (login.to_owned(), role)).into(),
        files: BTreeMap::from([
            ("README.md".to_owned(), "# Shop\n".to_owned()),
            (
                "src/lib.rs".to_owned(),
                "pub fn price() -> u32 {\n    1\n}\n".to_owned(),
            ),
        ]),
        labels: vec![LabelSeed {
            name: "run:dev".into(),
            color: Some("1d76db".into()),
            ..LabelSeed::default()
        }],
        issues: vec![IssueSeed {
            number: Some(1),
            title: "The price is wrong".into(),
            body: Some("It should be 2.".into()),
            author: "alice".into(),
            ..IssueSeed::default()
        }],
        ..RepositorySeed::default()
    };
    let other = RepositorySeed {
        owner: "acme".into(),
        name: "other".into(),
        ..RepositorySeed::default()
    };
    Seed {
        accounts: vec![
            organization,
            AccountSeed {
                email: Some("alice@example.com".into()),
                ..person("alice", 501)
            },
            person("tina", 502),
            person("rob", 503),
            person("olga", 504),
            person("stranger", 505),
        ],
        repositories: vec![shop, other],
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let hooks = Receiver::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut app = AppSeed::new(key());
        app.permissions.insert("statuses".into(), Level::Write);
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: folder.path().to_owned(),
            app,
            webhook: Some(Webhook {
                url: hooks.url(),
                secret: SECRET.into(),
            }),
            keep_state: false,
            control_key: None,
            webhooks_at_once: 1,
        };
        change(&mut config);
        let sim = GithubSim::start(config).await.expect("the simulator starts");
        sim.seed(&seed()).await.expect("the seed fits");
        Self {
            sim,
            hooks,
            _folder: folder,
        }
    }

    /// A client that shows nothing.
    pub(crate) fn nobody(&self) -> Client {
        Client::new(self.sim.url(), None)
    }

    /// A client that shows the App's JWT.
    pub(crate) fn app(&self) -> Client {
        Client::new(self.sim.url(), Some(jwt(&key(), &claims(540))))
    }

    /// A client with a person's token.
    pub(crate) fn person(&self, login: &str) -> Client {
        Client::new(
            self.sim.url(),
            Some(self.sim.person_token(login).expect("a person")),
        )
    }

    /// Asks for an installation token, narrowed as `body` says.
    pub(crate) async fn token(&self, body: Value) -> Answer {
        let id = self.sim.installation_id("acme").expect("an installation");
        self.app()
            .post(&format!("/app/installations/{id}/access_tokens"), body)
            .await
    }

    /// A client with an unnarrowed installation token.
    pub(crate) async fn installation(&self) -> Client {
        let token = self.installation_token().await;
        Client::new(self.sim.url(), Some(token))
    }

    pub(crate) async fn installation_token(&self) -> String {
        let answer = self.token(json!({})).await;
        answer.body["token"].as_str().expect("a token").to_owned()
    }

    /// Ends a test: everything was sent, and no body broke the contract.
    pub(crate) async fn end(self) {
        self.sim
            .deliveries_settled(Duration::from_secs(20))
            .await
            .expect("deliveries end");
        let log = self.sim.log().await.expect("a log");
        assert!(log.contract_errors.is_empty(), "{:#?}", log.contract_errors);
    }

    /// Waits for the webhooks so far and returns them as `event.action`.
    pub(crate) async fn events(&self) -> Vec<String> {
        self.sim
            .deliveries_settled(Duration::from_secs(20))
            .await
            .expect("deliveries end");
        self.hooks.names()
    }
}
