//! One LISTEN connection per process serves everybody who waits; no waiter holds a pool connection.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The one channel of the platform; the payload is `topic:key`.
pub(crate) const CHANNEL: &str = "codex_k8s";

/// Notices a slow waiter may fall behind; then it looks again, as if it had been told.
const BUFFER: usize = 1024;

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A run got events; key = run id.
    Run,
    /// An effect changed its state; key = effect id.
    Effect,
    /// A port call was asked; key = its id.
    PortCallAsked,
    /// A port call was answered; key = its id.
    PortCallAnswered,
    /// A wait was answered or ended; key = wait id.
    Wait,
    /// There may be something to admit, free or end; key = the loop's name.
    Poke,
    /// A token was revoked; key = jti, or run id for all of a run's.
    Revoked,
}

impl Topic {
    const ALL: [Self; 7] = [
        Self::Run,
        Self::Effect,
        Self::PortCallAsked,
        Self::PortCallAnswered,
        Self::Wait,
        Self::Poke,
        Self::Revoked,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Effect => "effect",
            Self::PortCallAsked => "port_call_asked",
            Self::PortCallAnswered => "port_call_answered",
            Self::Wait => "wait",
            Self::Poke => "poke",
            Self::Revoked => "revoked",
        }
    }

    pub(crate) fn payload(self, key: &str) -> String {
        format!("{}:{key}", self.word())
    }
}

/// Something happened to this.
#[derive(Clone, Debug)]
pub struct Notice {
    pub topic: Topic,
    pub key: String,
}

impl Notice {
    fn parse(payload: &str) -> Option<Self> {
        let (word, key) = payload.split_once(':')?;
        let topic = Topic::ALL.into_iter().find(|topic| topic.word() == word)?;
        Some(Self {
            topic,
            key: key.to_owned(),
        })
    }
}

/// The process's ear.
#[derive(Clone, Debug)]
pub struct Notices {
    sender: broadcast::Sender<Notice>,
}

impl Notices {
    /// Listens until `stop`; a lost connection is made again, and everybody is told to look.
    pub(crate) fn start(pool: PgPool, stop: CancellationToken) -> Self {
        let (sender, _) = broadcast::channel(BUFFER);
        let notices = Self {
            sender: sender.clone(),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = listen(pool, sender) => {}
            }
        });
        notices
    }

    /// Begins to listen. Subscribe first, then read the rows, then wait: nothing falls between.
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.sender.subscribe(),
        }
    }
}

async fn listen(pool: PgPool, sender: broadcast::Sender<Notice>) {
    while !pool.is_closed() {
        match hear(&pool, &sender).await {
            Ok(()) => {}
            Err(_) if pool.is_closed() => return,
            Err(error) => tracing::warn!(%error, "lost the LISTEN connection; connecting again"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn hear(pool: &PgPool, sender: &broadcast::Sender<Notice>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // `None`: the connection was lost and notices may be missing. Reconnecting by ourselves keeps that visible.
        let Some(notification) = listener.try_recv().await? else {
            return Ok(());
        };
        if let Some(notice) = Notice::parse(notification.payload()) {
            let _ = sender.send(notice);
        }
    }
}

/// One waiter's place.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Notice>,
}

impl Subscription {
    /// Waits until something is said about `(topic, key)`, or `deadline`. Answers whether to look again; a waiter that
    /// fell behind is told to look.
    pub async fn changed(&mut self, topic: Topic, key: &str, deadline: Instant) -> bool {
        tokio::time::timeout_at(deadline, async {
            loop {
                match self.receiver.recv().await {
                    Ok(notice) if notice.topic == topic && notice.key == key => return true,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        })
        .await
        .unwrap_or(false)
    }

    /// Waits for the next notice of a topic, or `deadline`; none means that time is up or that some were missed.
    pub async fn next(&mut self, topic: Topic, deadline: Instant) -> Option<String> {
        tokio::time::timeout_at(deadline, async {
            loop {
                match self.receiver.recv().await {
                    Ok(notice) if notice.topic == topic => return Some(notice.key),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => return None,
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        })
        .await
        .ok()
        .flatten()
    }
}
