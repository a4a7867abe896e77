//! The use cases of port calls.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::domain::{Answer, Failed, Question};
use super::jobs::AnswerPortCall;
use super::store;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::PortCallId;
use crate::orchestrator::Orchestrator;
use crate::postgres::json;
use crate::postgres::listen::Topic;
use crate::trace::TraceParent;

/// How long a tool waits for the world.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);
/// An unread answer is kept this long after its tool gave up.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// A call the worker may still answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub question: Question,
    /// Nobody waits after this.
    pub patience: Duration,
}

/// Asks the world through the worker and waits for the answer. That the caller may ask is decided before.
///
/// # Errors
///
/// `NotFound`, `Precondition` if the world refuses, `Unavailable` if it is away or the worker is.
pub async fn ask(
    orchestrator: &Orchestrator,
    actor: &Actor,
    question: &Question,
    trace: &TraceParent,
) -> Result<Answer> {
    let port_call_id = PortCallId::new();
    let deadline = Instant::now() + PATIENCE.unsigned_abs();
    let mut ear = orchestrator.notices().subscribe();
    let mut tx = orchestrator.begin("port_call.ask").await?;
    let deadline_at = tx.now() + PATIENCE;
    let (arguments, caller) = (json(question)?, actor.to_string());
    store::insert(
        &mut tx,
        port_call_id,
        question.kind(),
        &arguments,
        &caller,
        deadline_at,
        trace.as_str(),
    )
    .await?;
    tx.follow(trace.as_str());
    tx.enqueue(AnswerPortCall { port_call_id }).await?;
    tx.commit().await?;
    loop {
        if let Some(answer) = read(orchestrator, port_call_id).await? {
            return answer;
        }
        if !ear
            .changed(Topic::PortCallAnswered, &port_call_id.to_string(), deadline)
            .await
        {
            return match read(orchestrator, port_call_id).await? {
                Some(answer) => answer,
                None => Err(Error::Unavailable(
                    "the worker did not answer within 10 seconds; try again in a moment".into(),
                )),
            };
        }
    }
}

/// Reads and deletes an answer, if it is there.
async fn read(orchestrator: &Orchestrator, id: PortCallId) -> Result<Option<Result<Answer>>> {
    let mut tx = orchestrator.begin("port_call.read").await?;
    let gone = || Error::Unavailable("the answer was lost; ask again".into());
    let row = store::find(&mut tx, id).await?.ok_or_else(gone)?;
    if row.state == "waiting" {
        return Ok(None);
    }
    if !store::delete(&mut tx, id).await? {
        return Err(gone());
    }
    tx.commit().await?;
    if let Some(error) = row.error {
        let failed: Failed = serde_json::from_value(error).map_err(Error::internal)?;
        return Ok(Some(Err(failed.into())));
    }
    let answer = match (row.answer, row.sealed_answer) {
        (Some(answer), _) => serde_json::from_value(answer).map_err(Error::internal)?,
        (None, Some(sealed)) => {
            let open = orchestrator.master_key()?.open(&purpose(id), &sealed)?;
            serde_json::from_slice(&open).map_err(Error::internal)?
        }
        (None, None) => return Err(Error::internal("an answered port call holds no answer")),
    };
    Ok(Some(Ok(answer)))
}

/// What a call wants to know, if somebody still waits for it.
pub async fn question(orchestrator: &Orchestrator, id: PortCallId) -> Result<Option<Asked>> {
    let mut tx = orchestrator.begin("port_call.question").await?;
    let Some(row) = store::find(&mut tx, id).await? else {
        return Ok(None);
    };
    let left = row.deadline_at.to_jiff().duration_since(tx.now());
    if row.state != "waiting" || !left.is_positive() {
        return Ok(None);
    }
    let question = serde_json::from_value(row.arguments).map_err(Error::internal)?;
    Ok(Some(Asked {
        question,
        patience: left.unsigned_abs(),
    }))
}

/// Gives a call its answer; a second answer changes nothing.
pub async fn answer(orchestrator: &Orchestrator, id: PortCallId, answer: &Answer) -> Result<()> {
    let mut tx = orchestrator.begin("port_call.answer").await?;
    if answer.is_secret() {
        let plain = serde_json::to_vec(answer).map_err(Error::internal)?;
        let sealed = orchestrator.master_key()?.seal(&purpose(id), &plain)?;
        store::save_answer(&mut tx, id, None, Some(&sealed), None).await?;
    } else {
        store::save_answer(&mut tx, id, Some(&json(answer)?), None, None).await?;
    }
    tx.notify(Topic::PortCallAnswered, id).await?;
    tx.commit().await
}

/// Says that a call has no answer, and why.
pub async fn fail(orchestrator: &Orchestrator, id: PortCallId, why: &Failed) -> Result<()> {
    let mut tx = orchestrator.begin("port_call.fail").await?;
    store::save_answer(&mut tx, id, None, None, Some(&json(why)?)).await?;
    tx.notify(Topic::PortCallAnswered, id).await?;
    tx.commit().await
}

/// Forgets calls nobody waits for; answers how many.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<u64> {
    let mut tx = orchestrator.begin("port_call.sweep").await?;
    let before = tx.now() - KEPT;
    let gone = store::delete_overdue(&mut tx, before).await?;
    tx.commit().await?;
    Ok(gone)
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotFound { what } => Self::NotFound {
                what: "such thing at GitHub:",
                id: what,
            },
            Failed::Refused { message } => Self::Precondition(message),
            Failed::Unavailable {
                message,
                retry_after_ms: Some(retry_after_ms),
            } => Self::RateLimited {
                message,
                retry_after_ms,
            },
            Failed::Unavailable {
                message,
                retry_after_ms: None,
            } => Self::Unavailable(message),
        }
    }
}

fn purpose(id: PortCallId) -> String {
    format!("port_call:{id}")
}
