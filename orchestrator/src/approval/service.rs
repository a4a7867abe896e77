//! The use cases of waits.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::domain::{WaitKind, WaitState};
use super::store;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{PersonId, RunId, WaitId};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::postgres::listen::Topic;
use crate::project::access::{self, Operation};
use crate::run;

/// Open waits one run may have at once.
const MAX_OPEN: usize = 10;
/// Bytes of a question or an answer.
const MAX_TEXT: usize = 16 * 1024;

/// A question or request to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    pub wait_id: WaitId,
    pub run_id: RunId,
    pub turn: i32,
    pub kind: WaitKind,
    pub question: String,
    /// Of what exactly was asked, hexadecimal.
    pub arguments_sha256: String,
    pub state: WaitState,
    pub answer: Option<String>,
    pub answered_by: Option<PersonId>,
    pub answered_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
}

impl Wait {
    pub fn is_open(&self) -> bool {
        self.state == WaitState::Open
    }
}

/// Asks people something on behalf of a live turn. The turn goes on until it parks.
///
/// # Errors
///
/// `StaleTurn`, `Invalid`, or `Capacity` with too many open waits.
pub async fn ask(
    orchestrator: &Orchestrator,
    actor: &Actor,
    kind: WaitKind,
    question: &str,
    expires_in: SignedDuration,
) -> Result<Wait> {
    check_text("question", question)?;
    let mut tx = orchestrator.begin("approval.ask").await?;
    let run = run::require_live(&mut tx, actor).await?;
    let open = store::of_run(&mut tx, run.run_id)
        .await?
        .iter()
        .filter(|wait| wait.is_open())
        .count();
    if open >= MAX_OPEN {
        return Err(Error::Capacity(format!(
            "the run has {open} open waits; wait for an answer before asking more"
        )));
    }
    let wait = Wait {
        wait_id: WaitId::new(),
        run_id: run.run_id,
        turn: run.turn,
        kind,
        question: question.to_owned(),
        arguments_sha256: hex::encode(Sha256::digest(question.as_bytes())),
        state: WaitState::Open,
        answer: None,
        answered_by: None,
        answered_at: None,
        expires_at: tx.now() + expires_in,
        created_at: tx.now(),
    };
    store::insert(&mut tx, &wait).await?;
    tx.commit().await?;
    Ok(wait)
}

/// Answers a wait; the last answer puts its waiting run back in the queue.
///
/// # Errors
///
/// `NotFound`, `Forbidden` (also for the run itself), or `Conflict` if it is answered, expired or cancelled.
pub async fn answer(orchestrator: &Orchestrator, actor: &Actor, wait_id: WaitId, text: &str) -> Result<Wait> {
    check_text("answer", text)?;
    let mut tx = orchestrator.begin("approval.answer").await?;
    let wait = required(&mut tx, wait_id).await?;
    let run = run::lock(&mut tx, wait.run_id).await?;
    let mut target = run::target(&run);
    (target.what, target.id) = ("wait", wait_id.to_string());
    access::require(&mut tx, actor, Operation::QuestionAnswer, &target).await?;
    let wait = required(&mut tx, wait_id).await?;
    if !wait.state.may_become(WaitState::Answered) {
        return Err(Error::Conflict(format!("the wait is {} already", wait.state)));
    }
    store::save_answer(&mut tx, wait_id, text, actor.person_id()).await?;
    tx.notify(Topic::Wait, wait_id).await?;
    run::resume(&mut tx, actor, run.run_id).await?;
    let wait = required(&mut tx, wait_id).await?;
    tx.commit().await?;
    Ok(wait)
}

/// Ends open waits whose time is up; their runs go on without an answer. Answers how many.
pub async fn expire(orchestrator: &Orchestrator) -> Result<usize> {
    let mut tx = orchestrator.begin("approval.overdue").await?;
    let overdue = store::overdue(&mut tx).await?;
    drop(tx);
    let mut ended = 0;
    for found in overdue {
        let mut tx = orchestrator.begin("approval.expire").await?;
        run::lock(&mut tx, found.run_id).await?;
        let wait = required(&mut tx, found.wait_id).await?;
        if wait.state.may_become(WaitState::Expired) {
            store::save_end(&mut tx, wait.wait_id, WaitState::Expired).await?;
            tx.notify(Topic::Wait, wait.wait_id).await?;
            run::resume(&mut tx, &Actor::System("approval"), wait.run_id).await?;
            ended += 1;
        }
        tx.commit().await?;
    }
    Ok(ended)
}

/// One wait.
///
/// # Errors
///
/// `NotFound`.
pub async fn get(orchestrator: &Orchestrator, actor: &Actor, wait_id: WaitId) -> Result<Wait> {
    let mut tx = orchestrator.look("approval.get").await?;
    let wait = required(&mut tx, wait_id).await?;
    let run = run::find_in(&mut tx, wait.run_id).await?;
    let mut target = run::target(&run);
    (target.what, target.id) = ("wait", wait_id.to_string());
    access::require(&mut tx, actor, Operation::WaitRead, &target).await?;
    tx.commit().await?;
    Ok(wait)
}

/// The waits of one turn, oldest first.
pub(crate) async fn of_turn(tx: &mut Tx, run_id: RunId, turn: i32) -> Result<Vec<Wait>> {
    let mut waits = store::of_run(tx, run_id).await?;
    waits.retain(|wait| wait.turn == turn);
    Ok(waits)
}

/// What people have answered, oldest first.
pub(crate) async fn answered(tx: &mut Tx, run_id: RunId) -> Result<Vec<Wait>> {
    let mut waits = store::of_run(tx, run_id).await?;
    waits.retain(|wait| wait.state == WaitState::Answered);
    Ok(waits)
}

pub(crate) async fn any_open(tx: &mut Tx, run_id: RunId) -> Result<bool> {
    Ok(store::of_run(tx, run_id).await?.iter().any(Wait::is_open))
}

/// Ends the open waits of a run that is over.
pub(crate) async fn cancel_open(tx: &mut Tx, run_id: RunId) -> Result<()> {
    for wait in store::of_run(tx, run_id).await? {
        if wait.state.may_become(WaitState::Cancelled) {
            store::save_end(tx, wait.wait_id, WaitState::Cancelled).await?;
            tx.notify(Topic::Wait, wait.wait_id).await?;
        }
    }
    Ok(())
}

async fn required(tx: &mut Tx, wait_id: WaitId) -> Result<Wait> {
    store::find(tx, wait_id)
        .await?
        .ok_or_else(|| Error::not_found("wait", wait_id))
}

fn check_text(field: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::Invalid(format!("{field} must say something")));
    }
    if text.len() > MAX_TEXT {
        return Err(Error::TooLarge(format!(
            "{field} may have at most {MAX_TEXT} bytes"
        )));
    }
    Ok(())
}
