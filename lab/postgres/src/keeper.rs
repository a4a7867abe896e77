//! The thread that owns the running server.
//!
//! The kernel ends the server when the *thread* that started it ends (`PR_SET_PDEATHSIG`), so it must not be a thread of
//! a pool. That the same thread also waits for it means that a signal never meets a stranger with a reused process id.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::sys::signal::{Signal, kill};

use crate::{Error, Result, program};

/// How often the thread looks whether the server ended by itself.
const TICK: Duration = Duration::from_millis(100);

/// A longer log begins anew; nobody else rotates it.
const LOG_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// The ways to stop a server, each with the time it gets (PostgreSQL, "Shutting Down the Server"): fast, immediate, and
/// by the kernel.
const STOPS: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(20)),
    (Signal::SIGQUIT, Duration::from_secs(5)),
    (Signal::SIGKILL, Duration::from_secs(5)),
];

/// A running server; dropping it stops the server.
pub(crate) struct Keeper {
    pid: u32,
    orders: Option<SyncSender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Keeper {
    /// Starts `command` with its output appended to `log`.
    pub(crate) fn start(mut command: Command, log: File) -> io::Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            // Ctrl-C in the terminal is for us; the server is stopped when we say so.
            .process_group(0);
        let (orders, received) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || {
                let child = match command.spawn() {
                    Ok(child) => child,
                    Err(error) => {
                        let _starter_is_gone = tell.send(Err(error));
                        return Ok(());
                    }
                };
                let _starter_is_gone = tell.send(Ok(child.id()));
                keep(child, &received, &log)
            })?;
        let pid = told
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread of the server ended")))?;
        Ok(Self {
            pid,
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops the server and waits until it is gone. Asking twice changes nothing.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.orders = None;
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        thread.join().unwrap_or(Err(Error::StopFailed(self.pid)))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "PostgreSQL was left behind");
        }
    }
}

/// Waits until the server ends, or until the other end of `orders` is dropped.
fn keep(mut child: Child, orders: &Receiver<()>, log: &File) -> Result<()> {
    while orders.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        if let Ok(Some(status)) = child.try_wait() {
            tracing::warn!(%status, "PostgreSQL ended by itself");
            return Ok(());
        }
        if log.metadata().is_ok_and(|it| it.len() > LOG_LIMIT_BYTES) {
            // The server appends, so it goes on at the new end.
            let _kept_longer = log.set_len(0);
        }
    }
    stop(&mut child)
}

fn stop(child: &mut Child) -> Result<()> {
    let gave_up = Error::StopFailed(child.id());
    for (signal, patience) in STOPS {
        let _already_gone = kill(program::pid(child), signal);
        if let Ok(Some(_)) = program::wait(child, patience) {
            return Ok(());
        }
        tracing::warn!(%signal, "PostgreSQL did not stop in time");
    }
    Err(gave_up)
}
