//! The turn's log: what the agent and the supervisor say, sent to the platform in batches.

mod buffer;
mod lines;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::failure::ErrorCode;
use contract::runner::{LogEnd, LogPiece, LogStream};
use tokio::sync::Notify;

use self::buffer::Buffer;
pub(crate) use self::lines::Lines;
use super::end;
use super::platform::{CallError, Platform};

/// A batch leaves after this time, or as soon as there is this much.
const PERIOD: Duration = Duration::from_secs(1);
const EAGER_BYTES: usize = 32 * 1024;
/// Most one call takes, by the contract.
const PIECE_BYTES: usize = 64 * 1024;
/// Longest pause between attempts while the platform is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The log of the turn. Cheap to clone; writing never waits.
#[derive(Clone)]
pub(crate) struct Log(Arc<Shared>);

struct Shared {
    streams: Mutex<Streams>,
    eager: Notify,
}

struct Streams {
    agent: Buffer,
    supervisor: Buffer,
    /// Words that must not show up, for example the path of a proxy.
    secrets: Vec<String>,
}

impl Streams {
    fn of(&mut self, stream: LogStream) -> &mut Buffer {
        match stream {
            LogStream::Agent => &mut self.agent,
            LogStream::Supervisor => &mut self.supervisor,
        }
    }
}

/// How much of each stream the platform has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Offsets {
    pub(crate) agent: u64,
    pub(crate) supervisor: u64,
}

impl Log {
    /// Begins where an earlier supervisor of this turn stopped.
    pub(crate) fn new(offsets: Offsets, limit_bytes: u64) -> Self {
        let streams = Streams {
            agent: Buffer::new(offsets.agent, limit_bytes),
            supervisor: Buffer::new(offsets.supervisor, limit_bytes),
            secrets: Vec::new(),
        };
        Self(Arc::new(Shared {
            streams: Mutex::new(streams),
            eager: Notify::new(),
        }))
    }

    /// Goes on where the platform's streams end: what an earlier supervisor sent last, it may not have noted.
    pub(crate) async fn go_on(&self, platform: &Platform) -> end::Result<()> {
        for stream in [LogStream::Agent, LogStream::Supervisor] {
            let nothing = LogPiece {
                stream,
                offset: 0,
                text: String::new(),
            };
            let end: LogEnd = platform.call("run_log_append", &nothing).await?;
            self.lock().of(stream).begin_at(end.next_offset);
        }
        Ok(())
    }

    /// Keeps `word` out of everything written from now on.
    pub(crate) fn hide(&self, word: String) {
        self.lock().secrets.push(word);
    }

    /// Writes a line of the agent's.
    pub(crate) fn agent(&self, line: &str) {
        self.write(LogStream::Agent, line);
    }

    /// Writes a line of the supervisor's own, also to the pod's log.
    pub(crate) fn say(&self, line: &str) {
        tracing::info!("{line}");
        self.write(LogStream::Supervisor, line);
    }

    pub(crate) fn offsets(&self) -> Offsets {
        let streams = self.lock();
        Offsets {
            agent: streams.agent.offset(),
            supervisor: streams.supervisor.offset(),
        }
    }

    /// Sends batches until it is dropped.
    pub(crate) async fn keep_sending(&self, platform: &Platform, sent: impl Fn(Offsets)) {
        let mut pause = PERIOD;
        loop {
            let _ = tokio::time::timeout(pause, self.0.eager.notified()).await;
            match self.send_all(platform).await {
                Ok(false) => pause = PERIOD,
                Ok(true) => {
                    pause = PERIOD;
                    sent(self.offsets());
                }
                // The beginning waits in the buffer, which is bounded; the heartbeat decides when to give up.
                Err(error) => {
                    tracing::debug!(%error, "failed to send the log");
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Sends what there is; says whether there was anything.
    pub(crate) async fn send_all(&self, platform: &Platform) -> Result<bool, CallError> {
        let mut any = false;
        // The agent's first: why it ends, the supervisor's tells.
        for stream in [LogStream::Agent, LogStream::Supervisor] {
            loop {
                let Some((offset, text)) = self.lock().of(stream).piece(PIECE_BYTES) else {
                    break;
                };
                let length = text.len();
                let piece = LogPiece { stream, offset, text };
                let end: LogEnd = match platform.call_once("run_log_append", &piece).await {
                    Ok(end) => end,
                    Err(CallError::Refused(refusal)) if refusal.code == ErrorCode::TooLarge => {
                        self.end_stream(stream, &refusal.message);
                        break;
                    }
                    Err(error) => return Err(error),
                };
                self.lock().of(stream).sent(length, end.next_offset);
                any = true;
            }
        }
        Ok(any)
    }

    /// The platform keeps no more of this stream: the rest is let go, and said where there is still room.
    fn end_stream(&self, stream: LogStream, why: &str) {
        let ended = self.lock().of(stream).close();
        if ended && stream == LogStream::Agent {
            self.say(&format!("the agent's log ends here: {why}"));
        }
    }

    fn write(&self, stream: LogStream, line: &str) {
        let mut streams = self.lock();
        let mut line = line.to_owned();
        for secret in &streams.secrets {
            if line.contains(secret.as_str()) {
                line = line.replace(secret.as_str(), "***");
            }
        }
        let buffer = streams.of(stream);
        buffer.write(&line);
        if buffer.pending() >= EAGER_BYTES {
            self.0.eager.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Streams> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
