//! What a story looks at in the database although no tool shows it.

use sqlx::AssertSqlSafe;

use crate::error::Result;
use crate::postgres::admin;

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
