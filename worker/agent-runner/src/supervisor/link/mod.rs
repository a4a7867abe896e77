//! The supervisor's end of the control socket.

mod accept;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, watch};

use crate::wire::frame::{CHANNEL_MAIN, DATA_BYTES, Frame};
use crate::wire::{Ask, FromAgent, Places, Reply, ToAgent};

/// Frames waiting to be written to the agent, and events waiting to be used.
const OUT_FRAMES: usize = 32;
const EVENTS: usize = 64;

/// The way to the agent's container. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

struct Shared {
    connection: watch::Sender<Option<Connection>>,
    terminating: watch::Sender<bool>,
    waiting: Mutex<HashMap<u32, mpsc::Sender<Event>>>,
    next_id: AtomicU32,
}

#[derive(Clone)]
struct Connection {
    number: u64,
    frames: mpsc::Sender<Frame<ToAgent>>,
    places: Places,
}

enum Event {
    Data { channel: u8, bytes: Bytes },
    Reply(Reply),
}

/// Bytes that go with a question.
pub(crate) enum Body {
    Empty,
    Bytes(Bytes),
    File(tokio::fs::File),
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("the agent's container is gone")]
    Lost,
    #[error("no answer from the agent's container in {} s", .0.as_secs())]
    Deadline(Duration),
    /// The answer was not wanted, for example because it grew too large.
    #[error("{0}")]
    Sink(#[from] io::Error),
}

/// Takes the bytes of an answer as they come; an error ends the question.
pub(crate) type Sink<'a> = &'a mut (dyn FnMut(u8, Bytes) -> io::Result<()> + Send);

/// The nonce of the one agent, across restarts of the supervisor.
pub(crate) trait Nonce: Send + Sync + 'static {
    fn known(&self) -> Option<String>;
    fn remember(&self, nonce: &str) -> io::Result<()>;
}

impl Link {
    /// Listens in `control_dir`. The first connection of the agent's user is the agent; `nonce` knows it again.
    pub(crate) fn listen(control_dir: &Path, agent_uid: Option<u32>, nonce: impl Nonce) -> io::Result<Self> {
        let link = Self(Arc::new(Shared {
            connection: watch::Sender::new(None),
            terminating: watch::Sender::new(false),
            waiting: Mutex::default(),
            next_id: AtomicU32::new(1),
        }));
        accept::start(control_dir, agent_uid, nonce, link.clone())?;
        Ok(link)
    }

    /// Waits until the agent is connected; returns where things are over there.
    pub(crate) async fn connected(&self, within: Duration) -> Result<Places, LinkError> {
        let mut changes = self.0.connection.subscribe();
        let wait = changes.wait_for(Option::is_some);
        match tokio::time::timeout(within, wait).await {
            Ok(Ok(connection)) => connection
                .as_ref()
                .map(|open| open.places.clone())
                .ok_or(LinkError::Lost),
            _ => Err(LinkError::Lost),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.0.connection.borrow().is_some()
    }

    /// Waits until the agent's container got SIGTERM.
    pub(crate) async fn terminating(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.0.terminating.subscribe().wait_for(|came| *came).await;
    }

    pub(crate) fn is_terminating(&self) -> bool {
        *self.0.terminating.borrow()
    }

    /// Asks, sends the body, hands the bytes of the answer to `sink`, and returns the last word.
    pub(crate) async fn ask(
        &self,
        ask: Ask,
        body: Body,
        deadline: Duration,
        sink: Sink<'_>,
    ) -> Result<Reply, LinkError> {
        tokio::time::timeout(deadline, self.converse(ask, body, sink))
            .await
            .unwrap_or(Err(LinkError::Deadline(deadline)))
    }

    /// Asks something whose answer has no bytes.
    pub(crate) async fn ask_plainly(
        &self,
        ask: Ask,
        body: Body,
        deadline: Duration,
    ) -> Result<Reply, LinkError> {
        self.ask(ask, body, deadline, &mut |_, _| Ok(())).await
    }

    /// Tells the agent's container to end, once it is connected, and waits until it has.
    pub(crate) async fn exit(&self, code: i32) {
        let mut changes = self.0.connection.subscribe();
        let told = match changes.wait_for(Option::is_some).await {
            Ok(connection) => connection.as_ref().map(|open| (open.number, open.frames.clone())),
            Err(_) => None,
        };
        let Some((number, frames)) = told else { return };
        let _ = frames.send(Frame::Message(ToAgent::Exit { code })).await;
        let other = |now: &Option<Connection>| now.as_ref().is_none_or(|open| open.number != number);
        let _ = changes.wait_for(other).await;
    }

    async fn converse(&self, ask: Ask, body: Body, sink: Sink<'_>) -> Result<Reply, LinkError> {
        let connection = self.0.connection.borrow().clone().ok_or(LinkError::Lost)?;
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, mut events) = mpsc::channel(EVENTS);
        self.0.lock().insert(id, sender);
        let _forget = Forget { shared: &self.0, id };
        if self
            .0
            .connection
            .borrow()
            .as_ref()
            .is_none_or(|now| now.number != connection.number)
        {
            return Err(LinkError::Lost);
        }
        let sending = send(id, ask, body, &connection.frames);
        tokio::pin!(sending);
        let mut sent = false;
        loop {
            tokio::select! {
                result = &mut sending, if !sent => {
                    result?;
                    sent = true;
                }
                event = events.recv() => match event {
                    None => return Err(LinkError::Lost),
                    Some(Event::Reply(reply)) => return Ok(reply),
                    Some(Event::Data { channel, bytes }) => sink(channel, bytes)?,
                },
            }
        }
    }
}

/// Takes a question off the list, however its future ends.
struct Forget<'a> {
    shared: &'a Shared,
    id: u32,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.id);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, mpsc::Sender<Event>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn deliver(&self, frame: Frame<FromAgent>) {
        let (id, event) = match frame {
            Frame::Data { id, channel, bytes } => (id, Event::Data { channel, bytes }),
            Frame::Message(FromAgent::Reply { id, reply }) => (id, Event::Reply(reply)),
            Frame::Message(FromAgent::Terminating) => {
                self.terminating.send_replace(true);
                return;
            }
            Frame::Message(FromAgent::Hello { .. }) => return,
        };
        // Nobody waits for it any more where the id is unknown.
        let waiting = self.lock().get(&id).cloned();
        if let Some(waiting) = waiting {
            let _ = waiting.send(event).await;
        }
    }
}

async fn send(id: u32, ask: Ask, body: Body, frames: &mpsc::Sender<Frame<ToAgent>>) -> Result<(), LinkError> {
    let send = async |frame| frames.send(frame).await.map_err(|_| LinkError::Lost);
    send(Frame::Message(ToAgent::Ask { id, ask })).await?;
    match body {
        Body::Empty => {}
        Body::Bytes(mut bytes) => {
            while !bytes.is_empty() {
                let bytes = bytes.split_to(bytes.len().min(DATA_BYTES));
                send(Frame::Data {
                    id,
                    channel: CHANNEL_MAIN,
                    bytes,
                })
                .await?;
            }
        }
        Body::File(mut file) => loop {
            let mut bytes = BytesMut::with_capacity(DATA_BYTES);
            if file.read_buf(&mut bytes).await? == 0 {
                break;
            }
            while !bytes.is_empty() {
                let bytes = bytes.split_to(bytes.len().min(DATA_BYTES)).freeze();
                send(Frame::Data {
                    id,
                    channel: CHANNEL_MAIN,
                    bytes,
                })
                .await?;
            }
        },
    }
    send(Frame::Message(ToAgent::BodyEnd { id })).await
}
