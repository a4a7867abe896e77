use std::net::SocketAddr;
use std::path::PathBuf;

use crate::auth::AppKey;
use crate::world::{Level, Permissions};

/// How a simulator is started.
#[derive(Clone)]
pub struct Config {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where repositories and state are kept. It is made when it is missing.
    pub data_dir: PathBuf,
    pub app: AppSeed,
    pub webhook: Option<Webhook>,
    /// Whether to go on with the state a former run left in the data folder, and to leave some.
    pub keep_state: bool,
    /// What `/_sim/*` and the pages' forms ask for, where agents can reach the simulator; none lets everybody in.
    pub control_key: Option<String>,
    /// Webhooks under way at once; with one, they come in the order of their events.
    pub webhooks_at_once: usize,
}

/// The GitHub App that the product is.
#[derive(Debug, Clone)]
pub struct AppSeed {
    pub id: u64,
    /// Its bot is `<slug>[bot]`.
    pub slug: String,
    pub name: String,
    pub client_id: String,
    pub client_secret: String,
    /// Where people may be sent back to after they signed in, exactly.
    pub callback_urls: Vec<String>,
    /// The numeric id of the bot's account, which events of the App's own writes carry.
    pub bot_id: u64,
    pub key: AppKey,
    /// What every installation grants.
    pub permissions: Permissions,
    /// The events the webhook gets.
    pub events: Vec<String>,
}

impl AppSeed {
    /// Describes an App with the permissions and events the platform asks for.
    pub fn new(key: AppKey) -> Self {
        let permissions = [
            ("metadata", Level::Read),
            ("contents", Level::Write),
            ("issues", Level::Write),
            ("pull_requests", Level::Write),
            ("checks", Level::Write),
            ("members", Level::Read),
        ];
        let events = [
            "issues",
            "issue_comment",
            "pull_request",
            "pull_request_review",
            "pull_request_review_comment",
            "push",
            "create",
            "delete",
            "label",
            "repository",
            "membership",
            "organization",
            "team",
        ];
        Self {
            id: 1_000_001,
            slug: "codex-k8s".to_owned(),
            name: "codex-k8s".to_owned(),
            client_id: "Iv23liSimulatedClient0".to_owned(),
            client_secret: "a simulated client secret".to_owned(),
            callback_urls: Vec::new(),
            bot_id: 2_000_001,
            key,
            permissions: permissions.map(|(name, level)| (name.to_owned(), level)).into(),
            events: events.map(str::to_owned).into(),
        }
    }

    /// Returns the login the App writes under.
    pub fn bot_login(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

/// Where events go.
#[derive(Clone)]
pub struct Webhook {
    pub url: String,
    pub secret: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
