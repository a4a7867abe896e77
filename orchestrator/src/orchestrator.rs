//! The handle that every use case takes: the database, the time, the queue's door, the ear.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use sqlx::PgPool;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::Clock;
use crate::credential::{EdgeKey, MasterKey, Verified};
use crate::error::{Error, Result};
use crate::postgres::listen::Notices;
use crate::postgres::{self, LookPool, Tx};
use crate::queue::{self, Concurrency, Performers, Working};

/// What a program must know to open the platform's memory.
#[derive(Debug)]
pub struct Settings {
    pub database_url: SecretString,
    pub max_connections: u32,
    /// Connections beside those, for what only reads; a program that mostly writes has none, and reads in transactions.
    pub look_connections: u32,
    /// Seals keys and secret answers at rest; a program that touches none of them has none.
    pub master_key: Option<MasterKey>,
    /// Seals what the public edge signs with; only the edge and the command line have it.
    pub edge_key: Option<EdgeKey>,
}

impl Settings {
    /// Reads the files that operators mount: one with the database's URL, and one with the master key for
    /// programs that need it.
    ///
    /// # Errors
    ///
    /// `Precondition`, saying which file to mount.
    pub fn read(
        database_url_file: &Path,
        master_key_file: Option<&Path>,
        max_connections: u32,
    ) -> Result<Self> {
        let url = std::fs::read_to_string(database_url_file).map_err(|error| {
            let file = database_url_file.display();
            Error::Precondition(format!(
                "cannot read the database's URL from {file}: {error}; mount the file"
            ))
        })?;
        Ok(Self {
            database_url: url.trim().into(),
            max_connections,
            look_connections: 0,
            master_key: master_key_file.map(MasterKey::read).transpose()?,
            edge_key: None,
        })
    }

    /// The same, with half of the connections for what only reads.
    #[must_use]
    pub fn with_looks(self) -> Self {
        let look_connections = self.max_connections / 2;
        Self {
            max_connections: self.max_connections - look_connections,
            look_connections,
            ..self
        }
    }

    /// The same, with the edge key's file.
    ///
    /// # Errors
    ///
    /// `Precondition`, saying which file to mount.
    pub fn with_edge_key(self, edge_key_file: &Path) -> Result<Self> {
        Ok(Self {
            edge_key: Some(EdgeKey::read(edge_key_file)?),
            ..self
        })
    }
}

/// The platform's memory. Cheap to clone; all clones share one pool and one LISTEN connection.
#[derive(Clone)]
pub struct Orchestrator {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    aside: PgPool,
    looks: Option<LookPool>,
    verified: Verified,
    clock: Clock,
    queue: queue::Door,
    notices: Notices,
    master_key: Option<MasterKey>,
    edge_key: Option<EdgeKey>,
    _listening: DropGuard,
}

impl Orchestrator {
    /// Connects, and begins to listen.
    ///
    /// # Errors
    ///
    /// `Unavailable` if the database does not answer.
    pub async fn open(settings: Settings, clock: Clock) -> Result<Self> {
        use secrecy::ExposeSecret;
        let pool = postgres::connect(settings.database_url.expose_secret(), settings.max_connections).await?;
        let stop = CancellationToken::new();
        let notices = Notices::start(pool.clone(), stop.clone());
        let queue = queue::Door::new(pool.clone());
        let looks = (settings.look_connections > 0)
            .then(|| LookPool::new(&pool.connect_options(), settings.look_connections))
            .transpose()?;
        if let Some(looks) = looks.clone() {
            let stop = stop.clone();
            tokio::spawn(async move { stop.run_until_cancelled(looks.tidy()).await });
        }
        let inner = Inner {
            aside: postgres::aside(&pool),
            looks,
            verified: Verified::default(),
            pool,
            clock,
            queue,
            notices,
            master_key: settings.master_key,
            edge_key: settings.edge_key,
            _listening: stop.drop_guard(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Begins the transaction of a use case; `name` is its fault point and its span.
    pub async fn begin(&self, name: &'static str) -> Result<Tx> {
        let inner = &*self.inner;
        Tx::begin(&inner.pool, &inner.aside, &inner.queue, inner.clock.now(), name).await
    }

    /// Begins a use case that only reads, which PostgreSQL holds it to. Its statements see what was committed when each
    /// began, as in a transaction. What decides about a write belongs to the write's transaction: [`Self::begin`].
    pub async fn look(&self, name: &'static str) -> Result<Tx> {
        let inner = &*self.inner;
        match &inner.looks {
            Some(looks) => Tx::look(looks, &inner.aside, &inner.queue, inner.clock.now(), name).await,
            None => self.begin(name).await,
        }
    }

    /// The signatures that hold, as far as this process remembers.
    pub(crate) fn verified(&self) -> &Verified {
        &self.inner.verified
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The process's ear, for those who wait.
    pub fn notices(&self) -> &Notices {
        &self.inner.notices
    }

    /// # Errors
    ///
    /// `Precondition` in a program that was given none.
    pub(crate) fn master_key(&self) -> Result<&MasterKey> {
        let key = self.inner.master_key.as_ref();
        key.ok_or_else(|| Error::Precondition("this program was given no master key".into()))
    }

    /// # Errors
    ///
    /// `Precondition` in a program that was given none.
    pub(crate) fn edge_key(&self) -> Result<&EdgeKey> {
        let key = self.inner.edge_key.as_ref();
        key.ok_or_else(|| Error::Precondition("this program was given no edge key".into()))
    }

    /// Starts working jobs in this process, of each queue so many at once.
    pub fn work(&self, performers: Performers, concurrency: Concurrency) -> Result<Working> {
        queue::start(&self.inner.queue, performers, concurrency)
    }

    /// Whether the database answers and its schema is there.
    pub async fn check(&self) -> Result<()> {
        sqlx::query_scalar!("SELECT max_live_runs FROM platform")
            .fetch_one(&self.inner.pool)
            .await?;
        Ok(())
    }

    /// Gives all connections back.
    pub async fn close(&self) {
        if let Some(looks) = &self.inner.looks {
            looks.close();
        }
        self.inner.aside.close().await;
        self.inner.pool.close().await;
    }
}
