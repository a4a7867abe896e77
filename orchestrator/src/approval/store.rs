//! The SQL of waits.

use super::domain::{WaitKind, WaitState};
use super::service::Wait;
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId, RunId, WaitId};
use crate::postgres::{Moment, Tx, erase, unknown_word};

struct Row {
    wait_id: WaitId,
    run_id: RunId,
    turn: i32,
    kind: String,
    question: String,
    arguments_sha256: String,
    state: String,
    answer: Option<String>,
    answered_by: Option<PersonId>,
    answered_at: Option<Moment>,
    expires_at: Moment,
    created_at: Moment,
}

impl TryFrom<Row> for Wait {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            wait_id: row.wait_id,
            run_id: row.run_id,
            turn: row.turn,
            kind: WaitKind::parse(&row.kind).ok_or_else(|| unknown_word("waits.kind", &row.kind))?,
            question: row.question,
            arguments_sha256: row.arguments_sha256,
            state: WaitState::parse(&row.state).ok_or_else(|| unknown_word("waits.state", &row.state))?,
            answer: row.answer,
            answered_by: row.answered_by,
            answered_at: row.answered_at.map(Moment::to_jiff),
            expires_at: row.expires_at.to_jiff(),
            created_at: row.created_at.to_jiff(),
        })
    }
}

macro_rules! select {
    ($rest:literal $(, $arg:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT wait_id, run_id, turn, kind, question, arguments_sha256, state, answer, answered_by, answered_at,
                 expires_at, created_at
             FROM waits " + $rest
            $(, $arg)*
        )
    };
}

pub(super) async fn find(tx: &mut Tx, wait_id: WaitId) -> Result<Option<Wait>> {
    let row = select!("WHERE wait_id = $1", wait_id as WaitId)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Wait::try_from).transpose()
}

pub(super) async fn of_run(tx: &mut Tx, run_id: RunId) -> Result<Vec<Wait>> {
    let rows = select!("WHERE run_id = $1 ORDER BY wait_id LIMIT 200", run_id as RunId)
        .fetch_all(&mut **tx)
        .await?;
    rows.into_iter().map(Wait::try_from).collect()
}

/// Open waits whose time is up.
pub(super) async fn overdue(tx: &mut Tx) -> Result<Vec<Wait>> {
    let now = tx.moment();
    let rows = select!(
        "WHERE state = 'open' AND expires_at <= $1 ORDER BY wait_id LIMIT 100",
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Wait::try_from).collect()
}

pub(super) async fn insert(tx: &mut Tx, wait: &Wait) -> Result<()> {
    use jiff_sqlx::ToSqlx;
    sqlx::query!(
        "INSERT INTO waits (wait_id, run_id, turn, kind, question, arguments_sha256, state, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        wait.wait_id as WaitId,
        wait.run_id as RunId,
        wait.turn,
        wait.kind.as_str(),
        wait.question,
        wait.arguments_sha256,
        wait.state.as_str(),
        wait.expires_at.to_sqlx(),
        wait.created_at.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn save_answer(
    tx: &mut Tx,
    wait_id: WaitId,
    answer: &str,
    by: Option<PersonId>,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE waits SET state = 'answered', answer = $2, answered_by = $3, answered_at = $4 WHERE wait_id = $1",
        wait_id as WaitId,
        answer,
        by as Option<PersonId>,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn save_end(tx: &mut Tx, wait_id: WaitId, state: WaitState) -> Result<()> {
    sqlx::query!(
        "UPDATE waits SET state = $2 WHERE wait_id = $1",
        wait_id as WaitId,
        state.as_str()
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a batch of a deleted project's waits; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM waits WHERE ctid IN (
             SELECT it.ctid FROM waits it JOIN runs USING (run_id) WHERE project_id = $1 LIMIT $2)",
    ))
}
