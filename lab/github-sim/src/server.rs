use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::contract::Contract;
use crate::fault::Fault;
use crate::git::{Git, write_hooks};
use crate::hook::{DeliveryFault, Sender};
use crate::http::{Breakable, Connection, router};
use crate::log::Log;
use crate::seed::{self, Seed};
use crate::sim::{Inner, Parts};
use crate::snapshot;
use crate::view::View;
use crate::world::{Account, AccountKind, App, Delivery, Role, World};

/// How long requests under way may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// A running simulator. Dropping it ends it without a last snapshot; [`GithubSim::stop`] writes one.
pub struct GithubSim {
    inner: Arc<Inner>,
    /// Cancelled to close the listener and every connection.
    end: CancellationToken,
    serving: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for GithubSim {
    fn drop(&mut self) {
        self.end.cancel();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl GithubSim {
    /// Binds the address and begins to answer.
    ///
    /// # Errors
    ///
    /// An address that is not loopback or is in use, a data folder that cannot be written, a state that cannot be read.
    pub async fn start(config: Config) -> Result<Self> {
        ensure!(
            config.listen.ip().is_loopback(),
            "the GitHub simulator listens on loopback only, not on {}; use 127.0.0.1",
            config.listen
        );
        let repositories = config.data_dir.join("repositories");
        std::fs::create_dir_all(&repositories)
            .with_context(|| format!("making {}", repositories.display()))?;
        let repositories = repositories.canonicalize().context("finding the data folder")?;
        write_hooks(&repositories)?;
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!(
                "listening on {}; choose another port or stop who uses it",
                config.listen
            )
        })?;
        let web = format!("http://{}", listener.local_addr().context("asking for the port")?);
        let log = Arc::new(Mutex::new(Log::default()));
        let (sender, waiting) = Sender::new();
        let snapshot = config.keep_state.then(|| config.data_dir.join("state.json"));
        let inner = Arc::new(Inner::new(Parts {
            world: world(&config, snapshot.as_deref(), &web)?,
            web,
            git: Git::new(repositories),
            routes: crate::api::routes(),
            contract: Contract::start(log.clone())?,
            sender,
            http: client()?,
            snapshot,
            control_key: config.control_key.clone(),
            log,
        }));
        if let Some(webhook) = &config.webhook {
            inner.set_webhook(&webhook.url, &webhook.secret);
        }
        let service = router(inner.clone()).into_make_service_with_connect_info::<Connection>();
        let end = CancellationToken::new();
        let ended = end.clone().cancelled_owned();
        let serve = async move {
            let server = axum::serve(Breakable(listener), service).with_graceful_shutdown(ended);
            if let Err(error) = server.await {
                tracing::error!(%error, "the GitHub simulator ended");
            }
        };
        let serving = tokio::spawn(serve);
        let mut tasks = vec![tokio::spawn(Sender::run(
            inner.clone(),
            waiting,
            config.webhooks_at_once,
        ))];
        if inner.snapshot.is_some() {
            tasks.push(tokio::spawn(snapshot::keep(inner.clone())));
        }
        Ok(Self {
            inner,
            end,
            serving,
            tasks,
        })
    }

    /// Ends the simulator: requests under way get five seconds, then its state is written if it keeps any.
    pub async fn stop(mut self) -> Result<()> {
        self.end.cancel();
        if tokio::time::timeout(GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
        snapshot::save(&self.inner)
    }

    /// Returns where everything is, without a slash at the end. REST is also under `<url>/api/v3`.
    pub fn url(&self) -> &str {
        &self.inner.web
    }

    /// Makes what is missing of accounts and repositories. Asking twice changes nothing.
    pub async fn seed(&self, seed: &Seed) -> Result<()> {
        seed::apply(&self.inner, seed).await?;
        self.inner.flush();
        Ok(())
    }

    /// Sends events to this address from now on.
    pub fn set_webhook(&self, url: &str, secret: &str) {
        self.inner.set_webhook(url, secret);
    }

    /// Returns the installation of an account, if the App has one there.
    pub fn installation_id(&self, account: &str) -> Option<u64> {
        let world = self.inner.world();
        let id = world.account_by_login(account)?.id;
        world
            .installations
            .values()
            .find(|one| one.account_id == id)
            .map(|one| one.id)
    }

    /// Returns a token with which one acts as a person over REST and git.
    pub fn person_token(&self, login: &str) -> Result<String> {
        self.inner.person_token(login)
    }

    /// Puts a label on an issue in a person's name; `repository` is `owner/name`.
    pub fn label_issue(&self, repository: &str, number: u64, label: &str, by: &str) -> Result<()> {
        self.inner.set_label((repository, number), label, by, true)
    }

    /// Takes a label off an issue in a person's name.
    pub fn unlabel_issue(&self, repository: &str, number: u64, label: &str, by: &str) -> Result<()> {
        self.inner.set_label((repository, number), label, by, false)
    }

    /// Comments in a person's name and returns the comment's id.
    pub fn comment(&self, repository: &str, number: u64, body: &str, by: &str) -> Result<u64> {
        let mut world = self.inner.world();
        let (at, actor) = (
            (world.find_repository(repository)?, number),
            world.find_account(by)?,
        );
        let id = world.create_comment(at, actor, body.to_owned())?;
        drop(world);
        self.inner.flush();
        Ok(id)
    }

    /// Opens or closes an issue or pull request in a person's name.
    pub fn set_open(&self, repository: &str, number: u64, open: bool, by: &str) -> Result<()> {
        let mut world = self.inner.world();
        let (at, actor) = (
            (world.find_repository(repository)?, number),
            world.find_account(by)?,
        );
        if open {
            world.reopen_issue(at, actor)?;
        } else {
            world.close_issue(at, actor, None)?;
        }
        drop(world);
        self.inner.flush();
        Ok(())
    }

    /// Makes a person a member of an organisation, or of a team of it, or takes that. Who leaves an organisation leaves its
    /// teams too. The App hears of it where it is installed.
    pub fn set_member(&self, org: &str, team: Option<&str>, login: &str, is_member: bool) -> Result<()> {
        let mut world = self.inner.world();
        let id = world.find_account(login)?;
        let org = world.find_account(org)?;
        world.set_member(org, team, id, is_member)?;
        drop(world);
        self.inner.flush();
        Ok(())
    }

    /// Allows these addresses, and no others, to be sent back to after a sign-in.
    pub fn set_callback_urls(&self, urls: Vec<String>) {
        self.inner.world().app.callback_urls = urls;
    }

    /// Gives a person another role in a repository.
    pub fn set_role(&self, repository: &str, login: &str, role: Role) -> Result<()> {
        self.inner.set_role(repository, login, role)
    }

    /// Returns an issue as the API shows it.
    pub fn issue(&self, repository: &str, number: u64) -> Result<Value> {
        let world = self.inner.world();
        let id = world.find_repository(repository)?;
        Ok(View::of(&world).issue(world.repository(id)?, world.issue(id, number)?))
    }

    /// Returns all pull requests, open or not, as the API shows them one by one.
    pub fn pull_requests(&self, repository: &str) -> Result<Vec<Value>> {
        let world = self.inner.world();
        let about = world.repository(world.find_repository(repository)?)?;
        let pulls = about.issues.values().filter(|issue| issue.pull.is_some());
        Ok(pulls.map(|issue| View::of(&world).pull(about, issue)).collect())
    }

    /// Returns the comments under an issue or pull request, oldest first.
    pub fn comments(&self, repository: &str, number: u64) -> Result<Vec<Value>> {
        let world = self.inner.world();
        let id = world.find_repository(repository)?;
        let (about, issue) = (world.repository(id)?, world.issue(id, number)?);
        Ok(issue
            .comments
            .iter()
            .map(|comment| View::of(&world).comment(about, issue, comment))
            .collect())
    }

    /// Returns what the simulator saw, after every body so far was checked.
    pub async fn log(&self) -> Result<Log> {
        self.inner.contract.settle().await?;
        Ok(self.inner.log().clone())
    }

    /// Returns the attempts at deliveries, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.inner.world().deliveries.iter().cloned().collect()
    }

    /// Waits until every event so far was sent.
    pub async fn deliveries_settled(&self, patience: Duration) -> Result<()> {
        self.inner.sender.settle(patience).await
    }

    /// Sends any payload as a signed delivery and returns its GUID; a new one when none is given.
    pub fn deliver(&self, event: &str, payload: Value, guid: Option<&str>) -> Result<String> {
        self.inner.deliver(event, payload, guid.map(str::to_owned))
    }

    /// Sends a past delivery again, under its GUID.
    pub fn redeliver(&self, id: u64) -> Result<()> {
        self.inner.world().redeliver(id)?;
        self.inner.flush();
        Ok(())
    }

    pub fn add_fault(&self, fault: Fault) {
        self.inner.faults().add(fault);
    }

    pub fn add_delivery_fault(&self, fault: DeliveryFault) {
        self.inner.delivery_faults().add(fault);
    }

    /// Disarms every fault.
    pub fn clear_faults(&self) {
        self.inner.faults().clear();
        self.inner.delivery_faults().clear();
    }

    /// Moves the simulator's time by this many seconds, back when negative.
    pub fn advance_clock(&self, seconds: i64) {
        self.inner.world().clock.advance(seconds);
    }
}

/// Goes on with the state that was left, or begins anew; the App is always the configured one.
fn world(config: &Config, snapshot: Option<&Path>, web: &str) -> Result<World> {
    let left = snapshot.map_or(Ok(None), snapshot::load)?;
    let seed = &config.app;
    let bot = Account {
        id: seed.bot_id,
        login: seed.bot_login(),
        kind: AccountKind::Bot,
        name: Some(seed.name.clone()),
        email: None,
        members: BTreeSet::new(),
        teams: BTreeMap::new(),
    };
    let app = App {
        id: seed.id,
        slug: seed.slug.clone(),
        name: seed.name.clone(),
        client_id: seed.client_id.clone(),
        client_secret: seed.client_secret.clone(),
        callback_urls: seed.callback_urls.clone(),
        bot_id: seed.bot_id,
        public_key_pem: seed.key.public_pem().to_owned(),
        permissions: seed.permissions.clone(),
        events: seed.events.clone(),
        created_at: crate::world::Clock::default().now(),
    };
    let mut world = match left {
        Some(mut left) => {
            left.accounts.insert(bot.id, bot);
            left.app = App {
                created_at: left.app.created_at,
                ..app
            };
            left
        }
        None => World::new(app, bot),
    };
    web.clone_into(&mut world.web);
    Ok(world)
}

/// Returns the client that sends webhooks: no proxy, no redirects, as GitHub does it.
fn client() -> Result<reqwest::Client> {
    // Whoever installed a provider first is fine; without one the client does not build.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .build()
        .context("making the webhook client")
}
