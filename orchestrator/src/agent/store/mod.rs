//! What is remembered of agents, one file per table.

pub(super) mod models;
pub(super) mod profiles;
pub(super) mod prompts;

use super::version::{Published, Version};
use crate::error::Result;
use crate::id::{PersonId, ProjectId};
use crate::postgres::{Moment, Tx};

/// One writer of versions of a stage at a time, so that the next number is free.
pub(super) async fn lock_stage(
    tx: &mut Tx,
    what: &str,
    project_id: Option<ProjectId>,
    stage: &str,
) -> Result<()> {
    let owner = project_id.map_or_else(|| "platform".to_owned(), |id| id.to_string());
    let key = format!("{what}:{owner}:{stage}");
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn version(
    number: i32,
    (written_by, writer_id, written_at): (String, Option<PersonId>, Moment),
    (published_by, published_at): (Option<String>, Option<Moment>),
) -> Version {
    let published = published_by.zip(published_at);
    Version {
        number,
        written_by,
        writer_id,
        written_at: written_at.to_jiff(),
        published: published.map(|(by, at)| Published { by, at: at.to_jiff() }),
    }
}

struct VersionRow {
    version: i32,
    written_by: String,
    writer_id: Option<PersonId>,
    created_at: Moment,
    published_by: Option<String>,
    published_at: Option<Moment>,
}

impl From<VersionRow> for Version {
    fn from(row: VersionRow) -> Self {
        version(
            row.version,
            (row.written_by, row.writer_id, row.created_at),
            (row.published_by, row.published_at),
        )
    }
}

/// Deletes a batch of a deleted project's profiles and prompts; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(profiles::erase(tx, project_id, limit).await? + prompts::erase(tx, project_id, limit).await?)
}
