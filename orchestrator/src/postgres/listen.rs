//! One LISTEN connection per process serves everybody who waits; no waiter holds a pool connection.

use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{Executor, PgPool};
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The one channel of the platform; the payload is `topic:key`.
pub(crate) const CHANNEL: &str = "codex_k8s";

/// Notices a slow waiter may fall behind; then it looks again, as if it had been told.
const BUFFER: usize = 1024;

/// A connection that says nothing for so long is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(30);
/// It answers within this time, or it is lost.
const ANSWER: Duration = Duration::from_secs(5);

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A run got events; key = run id.
    Run,
    /// A list of a project's runs reads otherwise; key = project id.
    Runs,
    /// A slot of a project changed; key = project id.
    Slots,
    /// A delivery of a project was worked on; key = project id.
    Deliveries,
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
    const ALL: [Self; 10] = [
        Self::Run,
        Self::Runs,
        Self::Slots,
        Self::Deliveries,
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
            Self::Runs => "runs",
            Self::Slots => "slots",
            Self::Deliveries => "deliveries",
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

/// What the ear tells those who wait.
#[derive(Clone, Debug)]
enum Heard {
    Notice(Notice),
    /// Notices may be missing: everybody looks.
    Deaf,
}

/// The process's ear.
#[derive(Clone, Debug)]
pub struct Notices {
    sender: broadcast::Sender<Heard>,
}

impl Notices {
    /// Listens until `stop`; a lost connection is made again, and everybody is told to look.
    pub(crate) fn start(pool: PgPool, stop: CancellationToken) -> Self {
        Self::listening(pool, stop, SILENCE)
    }

    fn listening(pool: PgPool, stop: CancellationToken, silence: Duration) -> Self {
        let (sender, _) = broadcast::channel(BUFFER);
        let notices = Self {
            sender: sender.clone(),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = listen(pool, sender, silence) => {}
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

async fn listen(pool: PgPool, sender: broadcast::Sender<Heard>, silence: Duration) {
    while !pool.is_closed() {
        match hear(&pool, &sender, silence).await {
            Ok(()) => {}
            Err(_) if pool.is_closed() => return,
            Err(error) => tracing::warn!(%error, "lost the LISTEN connection; connecting again"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn hear(
    pool: &PgPool,
    sender: &broadcast::Sender<Heard>,
    silence: Duration,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    // Reconnecting by ourselves keeps it visible.
    listener.eager_reconnect(false);
    soon(listener.listen(CHANNEL)).await?;
    // What was said before this moment was said to nobody.
    let _ = sender.send(Heard::Deaf);
    loop {
        let Ok(heard) = tokio::time::timeout(silence, listener.try_recv()).await else {
            soon(listener.execute("SELECT 1")).await?;
            continue;
        };
        // `None`: the connection was lost.
        let Some(notification) = heard? else {
            return Ok(());
        };
        if let Some(notice) = Notice::parse(notification.payload()) {
            let _ = sender.send(Heard::Notice(notice));
        }
    }
}

/// A connection that was dropped on the way says nothing, for as long as one listens.
async fn soon<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let answer = tokio::time::timeout(ANSWER, answer).await;
    answer.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}

/// One waiter's place.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Heard>,
}

impl Subscription {
    /// Waits until something is said about `(topic, key)`, or `deadline`. Answers whether to look again; a waiter that
    /// fell behind, or could not be told, is told to look.
    pub async fn changed(&mut self, topic: Topic, key: &str, deadline: Instant) -> bool {
        tokio::time::timeout_at(deadline, async {
            loop {
                match self.receiver.recv().await {
                    Ok(Heard::Notice(notice)) if notice.topic == topic && notice.key == key => return true,
                    Ok(Heard::Notice(_)) => {}
                    Ok(Heard::Deaf) | Err(broadcast::error::RecvError::Lagged(_)) => return true,
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        })
        .await
        .unwrap_or(false)
    }

    /// Waits for the next notice of one of the topics, or `deadline`; none means that time is up or that some were missed.
    pub async fn next(&mut self, topics: &[Topic], deadline: Instant) -> Option<Notice> {
        tokio::time::timeout_at(deadline, async {
            loop {
                match self.receiver.recv().await {
                    Ok(Heard::Notice(notice)) if topics.contains(&notice.topic) => return Some(notice),
                    Ok(Heard::Notice(_)) => {}
                    Ok(Heard::Deaf) | Err(broadcast::error::RecvError::Lagged(_)) => return None,
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        })
        .await
        .ok()
        .flatten()
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::path::PathBuf;

    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::watch;

    use super::*;
    use crate::testing::TestDb;

    /// Carries connections until they fall silent: then nothing comes through, and no side is told.
    async fn carry(line: UnixListener, server: PathBuf, silence: watch::Receiver<()>) {
        while let Ok((mut here, _)) = line.accept().await {
            let (server, mut silence) = (server.clone(), silence.clone());
            // Only the next silence is this connection's.
            silence.mark_unchanged();
            tokio::spawn(async move {
                let mut there = UnixStream::connect(server).await.expect("the server listens");
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
                    _ = silence.changed() => std::future::pending().await,
                }
            });
        }
    }

    #[tokio::test]
    async fn a_connection_that_fell_silent_is_noticed() {
        let db = TestDb::new().await;
        let options: PgConnectOptions = db.url().parse().expect("a URL");
        let Some(socket) = options.get_socket().cloned() else {
            eprintln!("skipped: the database is not reached by a Unix socket");
            return;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let name = format!(".s.PGSQL.{}", options.get_port());
        let line = UnixListener::bind(folder.path().join(&name)).expect("a socket");
        let (fall_silent, silence) = watch::channel(());
        tokio::spawn(carry(line, socket.join(&name), silence));
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options.socket(folder.path()));
        let notices = Notices::listening(pool, CancellationToken::new(), Duration::from_millis(300));
        let mut ear = notices.subscribe();
        let soon = || Instant::now() + Duration::from_mins(1);
        assert!(ear.changed(Topic::Run, "any", soon()).await, "it listens");
        fall_silent.send(()).expect("somebody is connected");
        assert!(ear.changed(Topic::Run, "any", soon()).await, "it listens again");
        db.done().await;
    }
}
