//! What tests stand on: a database of their own on a real PostgreSQL, cloned from a template.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use embedded_postgres::{Durability, Environment, Options, Postgres};
use secrecy::SecretString;
use sqlx::PgPool;

use crate::clock::Clock;
use crate::credential::MasterKey;
use crate::orchestrator::{Orchestrator, Settings};
use crate::postgres::admin;

/// Databases of tests are named so; leftovers of killed runs are dropped by the next.
pub const DATABASE_PREFIX: &str = "t_";

/// The server of this process, if `TEST_DATABASE_URL` names none.
static SERVER: OnceLock<Postgres> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A migrated, empty database.
pub struct TestDb {
    server_url: String,
    name: String,
    url: String,
    pool: PgPool,
}

impl TestDb {
    /// Clones the template: about 40 ms.
    ///
    /// # Panics
    ///
    /// If there is no server and none can be started; the message says why.
    pub async fn new() -> Self {
        let server_url = tokio::task::spawn_blocking(server_url)
            .await
            .expect("the server starts");
        let template = admin::ensure_template(&server_url)
            .await
            .expect("the template is made");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{DATABASE_PREFIX}{}_{count}_{}",
            std::process::id(),
            rand::random::<u32>()
        );
        let url = admin::clone_database(&server_url, &template, &name)
            .await
            .expect("the template is cloned");
        let pool = admin::small_pool(&url).await.expect("the clone answers");
        Self {
            server_url,
            name,
            url,
            pool,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// For a test's own look at the rows.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Opens the platform's memory on this database.
    pub async fn orchestrator(&self) -> Orchestrator {
        self.orchestrator_with(Clock::default(), MasterKey::generate())
            .await
    }

    /// As [`Self::orchestrator`], with a clock the test moves, or a key another replica has too.
    pub async fn orchestrator_with(&self, clock: Clock, master_key: MasterKey) -> Orchestrator {
        let settings = Settings {
            database_url: SecretString::from(self.url.clone()),
            max_connections: 10,
            master_key,
        };
        Orchestrator::open(settings, clock)
            .await
            .expect("the database answers")
    }

    /// Drops the database. A test that failed before leaves it for a look; the next run drops it.
    pub async fn done(self) {
        self.pool.close().await;
        admin::drop_database(&self.server_url, &self.name)
            .await
            .expect("the database is dropped");
    }
}

fn server_url() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no `main` to read its configuration in"
    )]
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        return url;
    }
    let server = SERVER.get_or_init(|| {
        let environment: Environment = std::env::vars_os().collect();
        let cache = embedded_postgres::default_cache_dir(&environment).unwrap_or_else(std::env::temp_dir);
        let data = std::env::temp_dir().join(format!("codex-k8s-test-{}", std::process::id()));
        let mut options = Options::new(cache, PathBuf::from(&data), environment);
        options.durability = Durability::ThrowAway;
        Postgres::start(&options).unwrap_or_else(|error| panic!("no PostgreSQL for the tests: {error}"))
    });
    server.url("postgres")
}
