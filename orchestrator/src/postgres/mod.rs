//! PostgreSQL: the pool, the transaction every use case is, and the notices that wake those who wait.

pub mod admin;
mod inspect;
pub mod listen;
mod look;
mod roles;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};

use crate::error::{Error, Result};
use crate::fault;
use crate::queue::{self, Job};
use crate::trace::{self, Origin};

pub use inspect::{Inspection, inspect};
pub(crate) use look::LookPool;
pub use roles::{DEFAULT_PREFIX, Program, Roles, grant};

/// A `timestamptz` as sqlx reads and writes it.
pub(crate) type Moment = jiff_sqlx::Timestamp;

/// How long a statement may run before PostgreSQL ends it.
const STATEMENT_TIMEOUT: &str = "15s";
/// How long a lock may be waited for.
const LOCK_TIMEOUT: &str = "10s";
/// A connection that rested longer is asked whether it lives before it is used: a restart of the server ends them all
/// in silence. One that was just used is not, which saves a round trip per transaction; if it broke within this time,
/// one request fails with `Unavailable`, and every caller repeats such a one.
const RESTED: Duration = Duration::from_secs(1);

/// Deletes a batch of a deleted project's rows: `$1` is the project, `$2` the most rows. Answers how many went.
macro_rules! erase {
    ($tx:expr, $project_id:expr, $limit:expr, $sql:literal $(,)?) => {
        sqlx::query!($sql, $project_id as crate::id::ProjectId, $limit)
            .execute(&mut **$tx)
            .await?
            .rows_affected()
    };
}
pub(crate) use erase;

/// Rows that one transaction of a sweep deletes, so that none holds locks for long or runs into its time-out.
pub(crate) const SWEEP_ROWS: i64 = 2000;
/// Such transactions of one sweep; the next goes on where it ended.
pub(crate) const SWEEP_BATCHES: u32 = 100;

/// Opens a pool. Every connection carries a statement time-out, so no query outlives its caller for long.
///
/// # Errors
///
/// `Invalid` for a URL that does not parse, `Unavailable` if nobody answers.
pub(crate) async fn connect(url: &str, max_connections: u32) -> Result<PgPool> {
    pool(url, max_connections, STATEMENT_TIMEOUT).await
}

async fn pool(url: &str, max_connections: u32, statement_timeout: &str) -> Result<PgPool> {
    let options: PgConnectOptions = url.parse().map_err(|error| {
        Error::Invalid(format!(
            "the database URL does not parse ({error}); expected postgres://user@host/name"
        ))
    })?;
    let options = options.application_name("codex-k8s").options([
        ("statement_timeout", statement_timeout),
        ("lock_timeout", LOCK_TIMEOUT),
        ("idle_in_transaction_session_timeout", "60s"),
    ]);
    pool_options()
        .max_connections(max_connections)
        .connect_with(options)
        .await
        .map_err(|error| Error::Unavailable(format!("cannot connect to the database: {error}")))
}

fn pool_options() -> PgPoolOptions {
    PgPoolOptions::new()
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .before_acquire(|connection, rested| {
            Box::pin(async move {
                if rested.idle_for >= RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

/// Makes the pool of [`Tx::aside`]. It is not the main one: transactions that each hold a connection and want a
/// second from the same pool would wait for each other.
pub(crate) fn aside(pool: &PgPool) -> PgPool {
    pool_options()
        .max_connections(2)
        .min_connections(0)
        .idle_timeout(Duration::from_mins(1))
        .connect_lazy_with((*pool.connect_options()).clone())
}

/// Brings the schema up to date: the queue's tables first, then ours. Asking twice changes nothing.
///
/// # Errors
///
/// `Precondition` if the server is too old or has no pgvector; the text says what to do.
pub async fn migrate(url: &str) -> Result<()> {
    // A change that rewrites a large table takes as long as it takes; it still gives up on a lock.
    let pool = pool(url, 2, "0").await?;
    admin::check_server(&pool).await?;
    riverqueue::migrate::PostgresMigrator::new(pool.clone())
        .migrate_up()
        .await
        .map_err(Error::internal)?;
    sqlx::migrate!("../migrations")
        .run(&pool)
        .await
        .map_err(Error::internal)?;
    pool.close().await;
    Ok(())
}

/// What a use case's statements go through.
enum Line {
    Begun(Transaction<'static, Postgres>),
    Looking(look::Looking),
}

/// The transaction of one use case. What it enqueues and notifies happens when it commits, or never.
///
/// A look is one without a transaction: it reads, and PostgreSQL refuses it everything else.
pub struct Tx {
    line: Line,
    /// For what must stay although this transaction does not.
    aside: PgPool,
    queue: queue::Door,
    now: Timestamp,
    name: &'static str,
    /// What this task is done for, if nothing better is said.
    origin: Option<Arc<Origin>>,
    /// Carried by every job this transaction enqueues.
    traceparent: Option<String>,
    /// What set it off, for the audit.
    cause: Option<String>,
}

impl Tx {
    pub(crate) async fn begin(
        pool: &PgPool,
        aside: &PgPool,
        queue: &queue::Door,
        now: Timestamp,
        name: &'static str,
    ) -> Result<Self> {
        let begun = riverqueue::database::begin_postgres(pool).await?;
        Ok(Self::over(Line::Begun(begun), aside, queue, now, name))
    }

    /// Begins what only reads.
    pub(crate) async fn look(
        pool: &LookPool,
        aside: &PgPool,
        queue: &queue::Door,
        now: Timestamp,
        name: &'static str,
    ) -> Result<Self> {
        let looking = pool.get().await?;
        Ok(Self::over(Line::Looking(looking), aside, queue, now, name))
    }

    fn over(line: Line, aside: &PgPool, queue: &queue::Door, now: Timestamp, name: &'static str) -> Self {
        Self {
            line,
            aside: aside.clone(),
            queue: queue.clone(),
            now,
            name,
            origin: trace::origin(),
            traceparent: None,
            cause: None,
        }
    }

    /// The transaction, for what happens with its commit.
    fn begun(line: &mut Line) -> Result<&mut Transaction<'static, Postgres>> {
        match line {
            Line::Begun(begun) => Ok(begun),
            Line::Looking(_) => Err(Error::internal("a look changes nothing")),
        }
    }

    /// The moment of this use case: one for all rows it writes.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// [`Self::now`] as a query's argument.
    pub(crate) fn moment(&self) -> Moment {
        self.now.to_sqlx()
    }

    /// Begins a short transaction of its own, for what must stay although this one is rolled back.
    pub(crate) async fn aside(&self) -> Result<Self> {
        let mut aside = Self::begin(&self.aside, &self.aside, &self.queue, self.now, self.name).await?;
        aside.origin.clone_from(&self.origin);
        aside.traceparent.clone_from(&self.traceparent);
        aside.cause.clone_from(&self.cause);
        Ok(aside)
    }

    /// Says which trace this use case belongs to, for the jobs it enqueues from here on.
    pub(crate) fn follow(&mut self, traceparent: &str) {
        self.traceparent = Some(traceparent.to_owned());
    }

    /// Says what set this use case off.
    pub(crate) fn because(&mut self, cause: String) {
        self.cause = Some(cause);
    }

    /// The trace this use case belongs to, and what set it off.
    pub(crate) fn origin(&self) -> (Option<&str>, Option<&str>) {
        let origin = self.origin.as_deref();
        let cause = origin.map(|origin| &*origin.cause);
        (
            carried(self.traceparent.as_deref(), origin),
            self.cause.as_deref().or(cause),
        )
    }

    /// Asks the worker to do something after the commit.
    pub(crate) async fn enqueue<J: Job>(&mut self, job: J) -> Result<()> {
        let trace = carried(self.traceparent.as_deref(), self.origin.as_deref());
        queue::insert(&self.queue, Self::begun(&mut self.line)?, job, None, trace).await
    }

    /// Asks the worker to do something no earlier than `at`.
    pub(crate) async fn enqueue_at<J: Job>(&mut self, job: J, at: Timestamp) -> Result<()> {
        let trace = carried(self.traceparent.as_deref(), self.origin.as_deref());
        queue::insert(&self.queue, Self::begun(&mut self.line)?, job, Some(at), trace).await
    }

    /// Asks the worker to do several things of one kind after the commit, each in its own trace.
    pub(crate) async fn enqueue_all<J: Job>(&mut self, jobs: Vec<(J, &str)>) -> Result<()> {
        queue::insert_all(&self.queue, Self::begun(&mut self.line)?, jobs).await
    }

    /// Makes a job that waits or was given up due after the commit.
    pub(crate) async fn retry_job(&mut self, job_id: i64) -> Result<()> {
        queue::retry(&self.queue, Self::begun(&mut self.line)?, job_id).await
    }

    /// Wakes whoever waits for this, in every process, after the commit.
    pub(crate) async fn notify(&mut self, topic: listen::Topic, key: impl ToString) -> Result<()> {
        let payload = topic.payload(&key.to_string());
        sqlx::query!("SELECT pg_notify($1, $2)", listen::CHANNEL, payload)
            .execute(&mut **Self::begun(&mut self.line)?)
            .await?;
        Ok(())
    }

    /// Makes it all true.
    ///
    /// # Errors
    ///
    /// `Unavailable` when nobody knows whether it was: reconcilers and idempotent calls settle that.
    pub async fn commit(self) -> Result<()> {
        let Line::Begun(begun) = self.line else {
            return Ok(());
        };
        fault::point(&format!("{}:before_commit", self.name));
        begun.commit().await?;
        fault::point(&format!("{}:after_commit", self.name));
        Ok(())
    }
}

/// The trace that was named, or else the task's.
fn carried<'a>(named: Option<&'a str>, origin: Option<&'a Origin>) -> Option<&'a str> {
    named.or(origin.map(|origin| origin.traceparent.as_str()))
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.line {
            Line::Begun(begun) => begun,
            Line::Looking(looking) => looking,
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.line {
            Line::Begun(begun) => begun,
            Line::Looking(looking) => looking,
        }
    }
}

/// Whether `error` is the violation of the named constraint.
pub(crate) fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::constraint)
        == Some(constraint)
}

/// A `jsonb` value out of what we made ourselves.
pub(crate) fn json(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(Error::internal)
}

/// A word of a column that only we write: one we do not know is a defect, or a newer version's.
pub(crate) fn unknown_word(column: &str, word: &str) -> Error {
    Error::internal(format!("{column} holds the unknown word {word:?}"))
}
