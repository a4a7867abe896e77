//! The door: a delivery and its job are kept in one transaction, and deliveries that come while one commits share the
//! next one.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::jobs::ProcessDelivery;
use super::service::{MAX_BODY_BYTES, NewDelivery, Received};
use super::store;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;

const MAX_NAME_BYTES: usize = 100;
/// Deliveries that wait for a transaction to take them.
const MAX_WAITING: usize = 256;
/// Transactions under way at once: while one waits for the disk, the next is filled.
const WRITERS: usize = 2;
/// Deliveries kept in one transaction.
const MAX_TOGETHER: usize = 32;
/// Bytes of bodies after which a transaction takes no further delivery.
const MAX_BYTES_TOGETHER: usize = 4 * 1024 * 1024;

/// Keeps a delivery and asks for it to be worked on. A GUID that is here already changes nothing.
///
/// # Errors
///
/// `Invalid` or `TooLarge` for what GitHub never sends; `Unavailable`.
pub async fn receive(orchestrator: &Orchestrator, new: NewDelivery) -> Result<Received> {
    check(&new)?;
    let received = keep(orchestrator, &[&new]).await?;
    received.into_iter().next().ok_or_else(nothing_kept)
}

/// A process's door for many deliveries at once: nobody waits for company, but who comes while all writers are at work is
/// kept by the next transaction, together with all others who wait.
#[derive(Clone)]
pub struct Inbox {
    door: mpsc::Sender<Letter>,
}

struct Letter {
    new: NewDelivery,
    answer: oneshot::Sender<Result<Received>>,
}

impl Inbox {
    /// Opens the door; it closes when the last clone is dropped.
    pub fn open(orchestrator: &Orchestrator) -> Self {
        let (door, letters) = mpsc::channel(MAX_WAITING);
        let letters = Arc::new(Mutex::new(letters));
        for _ in 0..WRITERS {
            tokio::spawn(keep_letters(orchestrator.clone(), letters.clone()));
        }
        Self { door }
    }

    /// As [`receive`]. A caller that does not wait for the answer leaves its delivery kept.
    ///
    /// # Errors
    ///
    /// As [`receive`].
    pub async fn receive(&self, new: NewDelivery) -> Result<Received> {
        check(&new)?;
        let (answer, answered) = oneshot::channel();
        let sent = self.door.send(Letter { new, answer }).await;
        sent.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

async fn keep_letters(orchestrator: Orchestrator, letters: Arc<Mutex<mpsc::Receiver<Letter>>>) {
    while let Some(together) = next_letters(&letters).await {
        keep_together(&orchestrator, together).await;
    }
}

/// Waits for a letter and takes all that wait with it, as far as one transaction goes; `None` when the door is closed.
/// Only one writer at a time waits here: the others are at work.
async fn next_letters(letters: &Mutex<mpsc::Receiver<Letter>>) -> Option<Vec<Letter>> {
    let mut letters = letters.lock().await;
    let first = letters.recv().await?;
    let mut bytes = first.new.body.len();
    let mut together = vec![first];
    while together.len() < MAX_TOGETHER && bytes < MAX_BYTES_TOGETHER {
        let Ok(letter) = letters.try_recv() else { break };
        bytes += letter.new.body.len();
        together.push(letter);
    }
    Some(together)
}

/// Answers every letter. One that the database refuses must not cost the others: then each is kept alone.
async fn keep_together(orchestrator: &Orchestrator, letters: Vec<Letter>) {
    let news: Vec<_> = letters.iter().map(|letter| &letter.new).collect();
    match keep(orchestrator, &news).await {
        Ok(received) => {
            for (letter, received) in letters.into_iter().zip(received) {
                let _ = letter.answer.send(Ok(received));
            }
        }
        Err(Error::Unavailable(why)) => {
            for letter in letters {
                let _ = letter.answer.send(Err(Error::Unavailable(why.clone())));
            }
        }
        Err(_) => {
            for letter in letters {
                let _ = letter.answer.send(receive(orchestrator, letter.new).await);
            }
        }
    }
}

/// Answers in the order of `news`.
async fn keep(orchestrator: &Orchestrator, news: &[&NewDelivery]) -> Result<Vec<Received>> {
    let mut tx = orchestrator.begin("delivery.receive").await?;
    let received = store::insert(&mut tx, news).await?;
    let fresh = received
        .iter()
        .zip(news)
        .filter(|(received, _)| !received.duplicate);
    let jobs: Vec<_> = fresh
        .map(|(received, new)| {
            let delivery_id = received.delivery_id;
            (ProcessDelivery { delivery_id }, new.traceparent.as_str())
        })
        .collect();
    if jobs.is_empty() {
        return Ok(received);
    }
    tx.enqueue_all(jobs).await?;
    tx.commit().await?;
    Ok(received)
}

fn check(new: &NewDelivery) -> Result<()> {
    for (what, name) in [("X-GitHub-Delivery", &new.guid), ("X-GitHub-Event", &new.event)] {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(Error::Invalid(format!(
                "{what} must have 1 to {MAX_NAME_BYTES} bytes"
            )));
        }
    }
    if new.body.len() > MAX_BODY_BYTES {
        return Err(Error::TooLarge(format!(
            "a delivery may have {MAX_BODY_BYTES} bytes"
        )));
    }
    Ok(())
}

fn closed() -> Error {
    Error::Unavailable("the inbox is closing; send the delivery again".into())
}

fn nothing_kept() -> Error {
    Error::internal("a delivery was kept without an answer")
}
