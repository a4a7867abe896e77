//! What a server and its schema look like to this version of the platform.

use std::collections::BTreeMap;

use riverqueue::migrate::PostgresMigrator;
use sqlx::PgPool;

use super::admin::{self, MIGRATIONS};
use super::connect;
use crate::error::{Error, Result};

/// A server that can carry the platform, and what its schema lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// As the server writes it: `18.1`.
    pub server: String,
    /// The version of pgvector that the database has, or would get.
    pub vector: String,
    /// Migrations of this version that are not applied, or were applied with another text.
    pub pending: Vec<String>,
}

/// Looks at a server and its schema; changes nothing.
///
/// # Errors
///
/// `Unavailable` if nobody answers, `Precondition` if the server is too old or has no pgvector.
pub async fn inspect(url: &str) -> Result<Inspection> {
    let pool = connect(url, 1).await?;
    let inspected = look(&pool).await;
    pool.close().await;
    inspected
}

async fn look(pool: &PgPool) -> Result<Inspection> {
    admin::check_server(pool).await?;
    let server = sqlx::query_scalar("SELECT current_setting('server_version')")
        .fetch_one(pool)
        .await?;
    let vector =
        sqlx::query_scalar(
            "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector'",
        )
        .fetch_one(pool)
        .await?;
    let mut pending = queue_pending(pool).await?;
    pending.extend(own_pending(pool).await?);
    Ok(Inspection {
        server,
        vector,
        pending,
    })
}

async fn queue_pending(pool: &PgPool) -> Result<Vec<String>> {
    let migrator = PostgresMigrator::new(pool.clone());
    let applied = migrator.existing_versions().await.map_err(Error::internal)?;
    let missing = PostgresMigrator::all_versions()
        .iter()
        .filter(|it| !applied.contains(&it.version));
    Ok(missing
        .map(|it| format!("queue {:03} {}", it.version, it.name))
        .collect())
}

async fn own_pending(pool: &PgPool) -> Result<Vec<String>> {
    let known: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    let applied: BTreeMap<i64, Vec<u8>> = if known {
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
                .fetch_all(pool)
                .await?;
        rows.into_iter().collect()
    } else {
        BTreeMap::new()
    };
    let pending = MIGRATIONS.iter().filter_map(|it| match applied.get(&it.version) {
        None => Some(format!("{} {}", it.version, it.description)),
        Some(checksum) if **checksum != *it.checksum => Some(format!(
            "{} {} (applied with another text)",
            it.version, it.description
        )),
        Some(_) => None,
    });
    Ok(pending.collect())
}
