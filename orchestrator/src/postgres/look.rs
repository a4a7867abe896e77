//! Connections for what only reads.
//!
//! A look begins no transaction. Each statement sees what was committed when it began, which is what a statement sees in
//! a transaction of PostgreSQL's usual isolation too; so a look saves the round trips and the tasks that begin and end
//! one, and gives its connection back at once. PostgreSQL itself refuses whatever would write or lock on such a connection.

use std::time::Duration;

use deadpool::managed::{self, Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::RESTED;
use crate::error::{Error, Result};

/// How long a look waits for a connection.
const WAIT: Duration = Duration::from_secs(10);
/// How long the statement of somebody who went away in its middle may take to end before its connection is replaced.
const UNFINISHED: Duration = Duration::from_millis(100);
/// A connection that nobody looked with for so long is closed.
const IDLE: Duration = Duration::from_mins(5);
/// A connection is replaced after this time, as those of transactions are: what the server keeps for it only grows.
const LIFETIME: Duration = Duration::from_mins(30);

/// One look's connection; it goes back when it is dropped.
pub(super) type Looking = Object<Looks>;

/// Opens connections, and decides which may be used again.
#[derive(Debug)]
pub(super) struct Looks {
    options: PgConnectOptions,
}

impl Manager for Looks {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> std::result::Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.options).await
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() > LIFETIME {
            return Err(RecycleError::message("it is old"));
        }
        // Costs nothing after a statement that was read to its end; fails on a connection that broke.
        ended(connection.flush()).await?;
        if metrics.last_used() >= RESTED {
            ended(connection.ping()).await?;
        }
        Ok(())
    }
}

async fn ended(
    answer: impl Future<Output = std::result::Result<(), sqlx::Error>>,
) -> RecycleResult<sqlx::Error> {
    match tokio::time::timeout(UNFINISHED, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(RecycleError::message("its last statement did not end")),
    }
}

/// The connections of a process's looks.
#[derive(Clone, Debug)]
pub(crate) struct LookPool {
    pool: Pool<Looks>,
}

impl LookPool {
    /// Makes the pool; connections are opened when they are needed.
    pub(crate) fn new(options: &PgConnectOptions, most: u32) -> Result<Self> {
        let options = options.clone().options([("default_transaction_read_only", "on")]);
        let most = usize::try_from(most).map_err(Error::internal)?;
        let pool = Pool::builder(Looks { options })
            .max_size(most)
            .queue_mode(managed::QueueMode::Lifo)
            .build()
            .map_err(Error::internal)?;
        Ok(Self { pool })
    }

    pub(super) async fn get(&self) -> Result<Looking> {
        match tokio::time::timeout(WAIT, self.pool.get()).await {
            Ok(Ok(looking)) => Ok(looking),
            Ok(Err(PoolError::Backend(error))) => Err(error.into()),
            Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// Closes what rests, again and again.
    pub(crate) async fn tidy(&self) {
        loop {
            tokio::time::sleep(IDLE / 5).await;
            self.pool.retain(|_, metrics| metrics.last_used() < IDLE);
        }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }
}
