//! One connection to the supervisor: questions come in, each is worked on in a task of its own.
//!
//! When the connection ends, so does everything that was asked on it, the agent's program included: without a
//! supervisor there is no heartbeat, no budget and nobody to hand the work to.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::{bundle, exec, files, repository};
use crate::config::AgentConfig;
use crate::wire::frame::{self, CHANNEL_MAIN, DATA_BYTES, Frame};
use crate::wire::{Ask, FromAgent, Places, Refusal, Reply, ToAgent, WIRE_VERSION};

/// Frames waiting to be written, and pieces of one body waiting to be used.
const OUT_FRAMES: usize = 64;
const BODY_PIECES: usize = 16;
/// Questions worked on side by side; the supervisor asks at most three.
const MAX_TASKS: usize = 16;

/// How a connection ended.
pub(super) enum Ended {
    Exit(i32),
    Lost,
}

/// Bytes that follow a question.
pub(super) type Body = mpsc::Receiver<Bytes>;

/// The way back to the supervisor for the answer to one question.
#[derive(Clone)]
pub(super) struct Out {
    id: u32,
    frames: mpsc::Sender<Frame<FromAgent>>,
}

impl Out {
    /// Sends a piece of data, waiting while the supervisor is slow.
    pub(super) async fn data(&self, channel: u8, bytes: Bytes) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(DATA_BYTES));
            self.send(Frame::Data {
                id: self.id,
                channel,
                bytes: piece,
            })
            .await?;
        }
        Ok(())
    }

    /// Sends a piece of the answer's body.
    pub(super) async fn body(&self, bytes: Bytes) -> io::Result<()> {
        self.data(CHANNEL_MAIN, bytes).await
    }

    async fn send(&self, frame: Frame<FromAgent>) -> io::Result<()> {
        self.frames
            .send(frame)
            .await
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(
    stream: UnixStream,
    config: &AgentConfig,
    nonce: &mut Option<String>,
    terminating: watch::Receiver<bool>,
) -> io::Result<Ended> {
    let (mut read, write) = stream.into_split();
    let (out, frames) = mpsc::channel(OUT_FRAMES);
    let hello = FromAgent::Hello {
        version: WIRE_VERSION,
        nonce: nonce.clone(),
        terminating: *terminating.borrow(),
        places: Places {
            home: config.home_dir.to_string_lossy().into_owned(),
            workspace: config.workspace_dir.to_string_lossy().into_owned(),
        },
    };
    let _ = out.send(Frame::Message(hello)).await;
    let mut background = JoinSet::new();
    background.spawn(write_all(write, frames));
    match frame::read::<ToAgent, _>(&mut read).await? {
        Some(Frame::Message(ToAgent::Welcome { nonce: given })) => *nonce = Some(given),
        _ => return Err(io::Error::other("the supervisor did not welcome this connection")),
    }
    background.spawn(pass_on_sigterm(terminating, out.clone()));
    let mut session = Session {
        config: Arc::new(config.clone()),
        out,
        running: exec::Running::default(),
        bodies: HashMap::new(),
        tasks: JoinSet::new(),
    };
    session.answer_all(&mut read).await
}

struct Session {
    config: Arc<AgentConfig>,
    out: mpsc::Sender<Frame<FromAgent>>,
    running: exec::Running,
    bodies: HashMap<u32, mpsc::Sender<Bytes>>,
    tasks: JoinSet<()>,
}

impl Session {
    async fn answer_all(&mut self, read: &mut OwnedReadHalf) -> io::Result<Ended> {
        loop {
            while self.tasks.try_join_next().is_some() {}
            match frame::read::<ToAgent, _>(read).await? {
                None => return Ok(Ended::Lost),
                Some(Frame::Message(ToAgent::Exit { code })) => return Ok(Ended::Exit(code)),
                Some(Frame::Message(ToAgent::Welcome { .. })) => {}
                Some(Frame::Message(ToAgent::BodyEnd { id })) => {
                    self.bodies.remove(&id);
                }
                Some(Frame::Message(ToAgent::Ask { id, ask })) => self.begin(id, ask),
                Some(Frame::Data { id, bytes, .. }) => {
                    if let Some(body) = self.bodies.get(&id)
                        && body.send(bytes).await.is_err()
                    {
                        // The answer was given already; the rest of the body is of no use.
                        self.bodies.remove(&id);
                    }
                }
            }
        }
    }

    fn begin(&mut self, id: u32, ask: Ask) {
        let out = Out {
            id,
            frames: self.out.clone(),
        };
        if self.tasks.len() >= MAX_TASKS {
            let busy = refused(Refusal::Failed, "too many questions at once");
            self.tasks.spawn(async move { reply(&out, busy).await });
            return;
        }
        let (sender, body) = mpsc::channel(BODY_PIECES);
        self.bodies.insert(id, sender);
        let (config, running) = (self.config.clone(), self.running.clone());
        self.tasks.spawn(async move {
            let answer = perform(&config, &running, ask, body, &out).await;
            reply(&out, answer).await;
        });
    }
}

async fn perform(config: &AgentConfig, running: &exec::Running, ask: Ask, body: Body, out: &Out) -> Reply {
    match ask {
        Ask::Clone(ask) => repository::clone(config, &ask, body).await,
        Ask::Commit(ask) => repository::commit(config, &ask).await,
        Ask::Bundle(ask) => bundle::send(config, &ask, out).await,
        Ask::Exec(ask) => exec::run(config, running, ask, body, out).await,
        Ask::Stop { grace_ms } => running.stop(std::time::Duration::from_millis(grace_ms)).await,
        Ask::WriteFile { root, path } => files::write(config, root, &path, body).await,
        Ask::ReadFile {
            root,
            path,
            max_bytes,
        } => files::read(config, root, path, max_bytes, out).await,
        Ask::FindFile {
            root,
            under,
            name_contains,
        } => files::find(config, root, under, name_contains).await,
    }
}

async fn reply(out: &Out, reply: Reply) {
    // Fails only when the connection is gone, and then nobody waits for the answer.
    let _ = out
        .send(Frame::Message(FromAgent::Reply { id: out.id, reply }))
        .await;
}

/// Builds the answer to a question that was not done.
pub(super) fn refused(refusal: Refusal, message: impl Into<String>) -> Reply {
    Reply::Refused {
        refusal,
        message: message.into(),
    }
}

async fn write_all(mut write: OwnedWriteHalf, mut frames: mpsc::Receiver<Frame<FromAgent>>) {
    while let Some(next) = frames.recv().await {
        if let Err(error) = frame::write(&mut write, &next).await {
            tracing::debug!(%error, "the supervisor stopped listening");
            return;
        }
    }
}

async fn pass_on_sigterm(mut terminating: watch::Receiver<bool>, out: mpsc::Sender<Frame<FromAgent>>) {
    if terminating.wait_for(|came| *came).await.is_ok() {
        let _ = out.send(Frame::Message(FromAgent::Terminating)).await;
    }
}
