//! The orderly end of a program.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Says when to end. Clones are told together.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Makes one that only [`Shutdown::begin`] starts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes one that SIGTERM or SIGINT starts; a second signal ends the process at once, with code 130.
    ///
    /// # Errors
    ///
    /// The system refuses to tell us about signals.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let mut signals = Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        };
        let told = shutdown.clone();
        tokio::spawn(async move {
            let name = signals.next().await;
            tracing::info!(signal = name, "ending; a second signal ends at once");
            told.begin();
            let name = signals.next().await;
            tracing::warn!(signal = name, "ended at once, work was cut off");
            std::process::exit(130);
        });
        Ok(shutdown)
    }

    /// Starts the end. Asking twice changes nothing.
    pub fn begin(&self) {
        self.0.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the end has begun.
    pub async fn begun(&self) {
        self.0.cancelled().await;
    }

    /// The token that is cancelled when the end begins.
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
