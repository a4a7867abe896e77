use super::{VersionRow, version};
use crate::actor::Actor;
use crate::agent::{Kind, Prompt, Version, Versioned};
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId, PromptId};
use crate::postgres::{Moment, Tx, erase, unknown_word};

/// Whose prompt of which stage and kind; no project stands for the platform.
#[derive(Clone, Copy)]
pub(in crate::agent) struct Place<'a> {
    pub(in crate::agent) project_id: Option<ProjectId>,
    pub(in crate::agent) stage: &'a str,
    pub(in crate::agent) kind: Kind,
}

struct Row {
    prompt_id: PromptId,
    project_id: Option<ProjectId>,
    stage: String,
    kind: String,
    version: i32,
    body: String,
    digest: String,
    shipped: bool,
    written_by: String,
    writer_id: Option<PersonId>,
    created_at: Moment,
    published_by: Option<String>,
    published_at: Option<Moment>,
}

impl TryFrom<Row> for Versioned<Prompt> {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let prompt = Prompt {
            prompt_id: row.prompt_id,
            project_id: row.project_id,
            stage: row.stage,
            kind: Kind::parse(&row.kind).ok_or_else(|| unknown_word("prompts.kind", &row.kind))?,
            version: row.version,
            body: row.body,
            digest: row.digest,
            shipped: row.shipped,
        };
        let version = version(
            prompt.version,
            (row.written_by, row.writer_id, row.created_at),
            (row.published_by, row.published_at),
        );
        Ok(Self { of: prompt, version })
    }
}

macro_rules! select {
    ($rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT prompt_id, project_id, stage, kind, version, body, digest, shipped, written_by,
                    writer_id, created_at, published_by, published_at
             FROM prompts " + $rest
            $(, $argument)*
        )
    };
}

/// The newest published version of exactly this owner.
pub(in crate::agent) async fn published(tx: &mut Tx, place: Place<'_>) -> Result<Option<Versioned<Prompt>>> {
    let row = select!(
        "WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 AND kind = $3 AND published_at IS NOT NULL
         ORDER BY version DESC LIMIT 1",
        place.project_id as _,
        place.stage,
        place.kind.as_str(),
    );
    let row = row.fetch_optional(&mut **tx).await?;
    row.map(TryInto::try_into).transpose()
}

/// The newest version of exactly this owner, draft or not.
pub(in crate::agent) async fn newest(tx: &mut Tx, place: Place<'_>) -> Result<Option<Versioned<Prompt>>> {
    let row = select!(
        "WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 AND kind = $3 ORDER BY version DESC LIMIT 1",
        place.project_id as _,
        place.stage,
        place.kind.as_str(),
    );
    let row = row.fetch_optional(&mut **tx).await?;
    row.map(TryInto::try_into).transpose()
}

pub(in crate::agent) async fn find(
    tx: &mut Tx,
    place: Place<'_>,
    version: i32,
) -> Result<Option<Versioned<Prompt>>> {
    let row = select!(
        "WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 AND kind = $3 AND version = $4",
        place.project_id as _,
        place.stage,
        place.kind.as_str(),
        version,
    );
    let row = row.fetch_optional(&mut **tx).await?;
    row.map(TryInto::try_into).transpose()
}

/// Versions of exactly this owner that are older than `before`, newest first.
pub(in crate::agent) async fn versions(
    tx: &mut Tx,
    place: Place<'_>,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Version>> {
    let rows = sqlx::query_as!(
        VersionRow,
        "SELECT version, written_by, writer_id, created_at, published_by, published_at FROM prompts
         WHERE project_id IS NOT DISTINCT FROM $1 AND stage = $2 AND kind = $3 AND version < coalesce($4, 2147483647)
         ORDER BY version DESC LIMIT $5",
        place.project_id as _,
        place.stage,
        place.kind.as_str(),
        before,
        limit,
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Of each stage and kind what is published and what is newest, of exactly this owner.
pub(in crate::agent) async fn heads(
    tx: &mut Tx,
    project_id: Option<ProjectId>,
) -> Result<Vec<Versioned<Prompt>>> {
    let rows = select!(
        "AS it WHERE project_id IS NOT DISTINCT FROM $1 AND NOT EXISTS (
             SELECT 1 FROM prompts AS newer
             WHERE newer.project_id IS NOT DISTINCT FROM it.project_id AND newer.stage = it.stage
               AND newer.kind = it.kind AND newer.version > it.version
               AND (newer.published_at IS NOT NULL OR it.published_at IS NULL))
         ORDER BY stage, kind, version",
        project_id as _,
    );
    let rows = rows.fetch_all(&mut **tx).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A version to be.
pub(in crate::agent) struct NewPrompt<'a> {
    pub(in crate::agent) place: Place<'a>,
    pub(in crate::agent) version: i32,
    pub(in crate::agent) body: &'a str,
    pub(in crate::agent) digest: &'a str,
    pub(in crate::agent) shipped: bool,
    pub(in crate::agent) published: bool,
}

pub(in crate::agent) async fn insert(
    tx: &mut Tx,
    actor: &Actor,
    new: &NewPrompt<'_>,
) -> Result<Versioned<Prompt>> {
    let now = tx.moment();
    let by = actor.to_string();
    let (published_by, published_at) = if new.published {
        (Some(by.clone()), Some(now))
    } else {
        (None, None)
    };
    sqlx::query!(
        "INSERT INTO prompts (prompt_id, project_id, stage, kind, version, body, digest, shipped, written_by, writer_id,
                              created_at, published_by, published_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        PromptId::new() as _,
        new.place.project_id as _,
        new.place.stage,
        new.place.kind.as_str(),
        new.version,
        new.body,
        new.digest,
        new.shipped,
        by,
        actor.person_id() as _,
        now,
        published_by,
        published_at as _,
    )
    .execute(&mut **tx)
    .await?;
    let there = find(tx, new.place, new.version).await?;
    there.ok_or_else(|| Error::internal("a prompt is not there after its insert"))
}

pub(in crate::agent) async fn publish(tx: &mut Tx, prompt_id: PromptId, actor: &Actor) -> Result<Version> {
    let now = tx.moment();
    let row = sqlx::query!(
        "UPDATE prompts SET published_by = $2, published_at = $3 WHERE prompt_id = $1
         RETURNING version, written_by, writer_id, created_at, published_by, published_at",
        prompt_id as _,
        actor.to_string(),
        now as _,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(version(
        row.version,
        (row.written_by, row.writer_id, row.created_at),
        (row.published_by, row.published_at),
    ))
}

/// Deletes a batch of a deleted project's prompts; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM prompts WHERE prompt_id IN (
             SELECT prompt_id FROM prompts WHERE project_id = $1 LIMIT $2)",
    ))
}
