//! SQL about whole databases: checking a server, and the databases of development and tests.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::error::{Error, Result};

/// The oldest PostgreSQL we run on, as `server_version_num`.
const MIN_SERVER: i32 = 150_000;
/// The oldest pgvector: 0.8 brought iterative scans, without which filtered answers are silently short.
const MIN_VECTOR: (u32, u32) = (0, 8);

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Checks that the server can carry the platform.
///
/// # Errors
///
/// `Precondition`, saying what is missing and what to do.
pub(crate) async fn check_server(pool: &PgPool) -> Result<()> {
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(pool)
        .await?;
    if version < MIN_SERVER {
        return Err(Error::Precondition(format!(
            "the PostgreSQL server is version {}; 15 or newer is needed: upgrade it, or name another in the \
             database's URL",
            version / 10_000
        )));
    }
    let vector: Option<(Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'vector'",
    )
    .fetch_optional(pool)
    .await?;
    let (available, installed) = vector.unwrap_or_default();
    judge_vector(available.as_deref(), installed.as_deref()).map_err(Error::Precondition)
}

/// Judges the pgvector that the server offers, and the one that the database has, if it has one.
fn judge_vector(available: Option<&str>, installed: Option<&str>) -> std::result::Result<(), String> {
    let is_old = |version: &&str| parse_version(version) < MIN_VECTOR;
    let Some(available) = available else {
        return Err(
            "the PostgreSQL server has no pgvector: install its package (for example postgresql-18-pgvector) on the \
             server"
                .into(),
        );
    };
    if is_old(&available) {
        return Err(format!(
            "the server's pgvector is {available}; 0.8.0 or newer is needed: upgrade the extension's package"
        ));
    }
    match installed.filter(is_old) {
        None => Ok(()),
        Some(installed) => Err(format!(
            "the database has pgvector {installed}, and the server offers {available}; 0.8.0 or newer is needed: run \
             ALTER EXTENSION vector UPDATE in it"
        )),
    }
}

fn parse_version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Waits for a server that is starting, then makes the database exist.
pub async fn ensure_database(server_url: &str, name: &str) -> Result<()> {
    let mut db = connect(server_url).await?;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut db)
        .await?;
    if !exists {
        run(&mut db, &format!("CREATE DATABASE {}", quote(name))).await?;
    }
    db.close().await?;
    Ok(())
}

/// Makes the template of this schema if there is none, and answers its name. Test processes that come at the same time
/// wait for the first.
pub async fn ensure_template(server_url: &str) -> Result<String> {
    let name = format!("tmpl_{}", schema_digest());
    let mut db = connect(server_url).await?;
    sqlx::query("SELECT pg_advisory_lock(7261953)")
        .execute(&mut db)
        .await?;
    let ready: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)")
            .bind(&name)
            .fetch_one(&mut db)
            .await?;
    if !ready {
        // A run that was killed half-way left an unfinished one.
        run(
            &mut db,
            &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote(&name)),
        )
        .await?;
        run(&mut db, &format!("CREATE DATABASE {}", quote(&name))).await?;
        let url = database_url(server_url, &name)?;
        super::migrate(&url).await?;
        super::grant(&url, &super::Roles::default()).await?;
        run(
            &mut db,
            &format!("ALTER DATABASE {} IS_TEMPLATE true", quote(&name)),
        )
        .await?;
    }
    sqlx::query("SELECT pg_advisory_unlock(7261953)")
        .execute(&mut db)
        .await?;
    db.close().await?;
    Ok(name)
}

/// Clones a template into a new database and answers its URL.
pub async fn clone_database(server_url: &str, template: &str, name: &str) -> Result<String> {
    let mut db = connect(server_url).await?;
    run(
        &mut db,
        &format!(
            "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy",
            quote(name),
            quote(template)
        ),
    )
    .await?;
    db.close().await?;
    database_url(server_url, name)
}

/// Drops a database, whoever is connected to it.
pub async fn drop_database(server_url: &str, name: &str) -> Result<()> {
    let mut db = connect(server_url).await?;
    run(
        &mut db,
        &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote(name)),
    )
    .await?;
    db.close().await?;
    Ok(())
}

/// The same server, another database.
pub fn database_url(server_url: &str, name: &str) -> Result<String> {
    let (base, query) = server_url.split_once('?').unwrap_or((server_url, ""));
    let slash = base.rfind('/').filter(|at| *at > "postgres://".len());
    let Some(slash) = slash else {
        return Err(Error::Invalid("the server's URL must end in /database".into()));
    };
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    Ok(format!("{}/{name}{query}", &base[..slash]))
}

/// A digest of all migrations and grants: two schemas never share a template.
fn schema_digest() -> String {
    let mut digest = Sha256::new();
    for migration in MIGRATIONS.iter() {
        digest.update(&*migration.checksum);
    }
    digest.update(super::roles::GRANTS);
    hex::encode(&digest.finalize()[..8])
}

async fn connect(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url
        .parse()
        .map_err(|error| Error::Invalid(format!("the database URL does not parse: {error}")))?;
    let mut waited = Duration::ZERO;
    loop {
        match PgConnection::connect_with(&options).await {
            Ok(db) => return Ok(db),
            // 57P03: the server is still starting.
            Err(error) if is_starting(&error) && waited < Duration::from_secs(10) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                waited += Duration::from_millis(50);
            }
            Err(error) => {
                return Err(Error::Unavailable(format!(
                    "cannot connect to the database: {error}"
                )));
            }
        }
    }
}

fn is_starting(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .as_deref()
        == Some("57P03")
        || matches!(error, sqlx::Error::Io(_))
}

async fn run(db: &mut PgConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(db)
        .await?;
    Ok(())
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A small pool for a test's own assertions.
pub async fn small_pool(url: &str) -> Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(2)
        .connect(url)
        .await
        .map_err(|error| Error::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_its_query_when_the_database_changes() {
        let url = database_url("postgres://postgres@localhost/postgres?host=/tmp/s", "t_1").unwrap();
        assert_eq!(url, "postgres://postgres@localhost/t_1?host=/tmp/s");
        assert!(database_url("postgres://localhost", "t_1").is_err());
    }

    #[test]
    fn the_pgvector_of_the_database_counts_too() {
        assert_eq!(judge_vector(Some("0.8.6"), None), Ok(()));
        assert_eq!(judge_vector(Some("0.8.6"), Some("0.8.0")), Ok(()));
        let faults = [
            (None, None, "install its package"),
            (Some("0.7.4"), None, "upgrade the extension's package"),
            (Some("0.8.6"), Some("0.7.4"), "ALTER EXTENSION vector UPDATE"),
        ];
        for (available, installed, fix) in faults {
            let fault = judge_vector(available, installed).unwrap_err();
            assert!(fault.contains(fix), "{fault}");
        }
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(parse_version("0.10.1") > MIN_VECTOR);
        assert!(parse_version("0.7.4") < MIN_VECTOR);
    }
}
