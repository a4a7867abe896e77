//! What a story looks at in the database although no tool shows it.

use sqlx::AssertSqlSafe;

use crate::error::Result;
use crate::postgres::admin;
use crate::postgres::listen::{CHANNEL, Topic};

/// Every row of every table as text, for the question whether a secret is anywhere in it. Bytes are hexadecimal.
pub async fn dump(database_url: &str) -> Result<String> {
    let pool = admin::small_pool(database_url).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    )
    .fetch_all(&pool)
    .await?;
    let mut dumped = String::new();
    for table in tables {
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("SELECT whole::text FROM {table} AS whole")))
                .fetch_all(&pool)
                .await?;
        for row in rows {
            dumped.push_str(&table);
            dumped.push_str(&row);
            dumped.push('\n');
        }
    }
    pool.close().await;
    Ok(dumped)
}

/// Jobs that wait, run or gave up: kind, state and arguments of each. A settled platform has none.
pub async fn open_jobs(database_url: &str) -> Result<Vec<String>> {
    let pool = admin::small_pool(database_url).await?;
    let jobs = sqlx::query_scalar(
        "SELECT concat_ws(' ', kind, state, args) FROM river_job WHERE state <> 'completed' ORDER BY id",
    )
    .fetch_all(&pool)
    .await?;
    pool.close().await;
    Ok(jobs)
}

/// Makes the search for missed deliveries due, and tells the workers.
pub async fn make_sweep_due(database_url: &str) -> Result<()> {
    let pool = admin::small_pool(database_url).await?;
    sqlx::query("UPDATE delivery_sweeps SET swept_at = NULL, held_until = NULL")
        .execute(&pool)
        .await?;
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(Topic::Poke.payload("missed_deliveries"))
        .execute(&pool)
        .await?;
    pool.close().await;
    Ok(())
}

/// Whether that search has not ended since it was made due.
pub async fn is_sweep_due(database_url: &str) -> Result<bool> {
    let pool = admin::small_pool(database_url).await?;
    let due = sqlx::query_scalar("SELECT swept_at IS NULL FROM delivery_sweeps")
        .fetch_one(&pool)
        .await?;
    pool.close().await;
    Ok(due)
}
