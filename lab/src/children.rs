//! The programs as processes of their own: each kept running, and ended in order.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpListener;

use crate::balance::{balance, free_addresses};
use crate::platform::{CommandLines, Program};

/// A child that ended is started again after this long.
const BEFORE_RESTART: Duration = Duration::from_millis(500);
/// A child has this long to end in order; a worker gives its jobs 30 s.
const GRACE: Duration = Duration::from_secs(40);
/// How often a child is looked at.
const TICK: Duration = Duration::from_millis(50);

/// What children are started from.
pub(crate) struct Origin {
    pub(crate) lab_program: PathBuf,
    /// The folder of the programs as they are deployed, instead of those in the lab's own binary.
    pub(crate) programs: Option<PathBuf>,
    /// Takes what the children say.
    pub(crate) log_file: Option<PathBuf>,
    pub(crate) lines: CommandLines,
}

/// The programs at work, and what passes connections on to them.
pub(crate) struct Children {
    keepers: Vec<Keeper>,
    fronts: Vec<tokio::task::JoinHandle<()>>,
    gateways: Vec<SocketAddr>,
}

impl Children {
    /// Starts `replicas` of each. One that ends is started again.
    pub(crate) fn start(
        origin: &Origin,
        replicas: usize,
        gateway: TcpListener,
        mcp_server: TcpListener,
    ) -> anyhow::Result<Self> {
        let gateways = free_addresses(replicas)?;
        let mcp_servers = free_addresses(replicas)?;
        let fronts = vec![
            tokio::spawn(balance(gateway, gateways.clone())),
            tokio::spawn(balance(mcp_server, mcp_servers.clone())),
        ];
        let mut keepers = Vec::new();
        for replica in 0..replicas {
            let listen = |address: &SocketAddr| ["--listen".to_owned(), address.to_string()];
            for (program, more) in [
                (Program::Gateway, listen(&gateways[replica])),
                (Program::McpServer, listen(&mcp_servers[replica])),
                (
                    Program::Worker,
                    ["--name".to_owned(), format!("worker-{replica}")],
                ),
            ] {
                keepers.push(Keeper::start(Line::new(origin, program, &more))?);
            }
        }
        Ok(Self {
            keepers,
            fronts,
            gateways,
        })
    }

    /// Where each gateway itself listens.
    pub(crate) fn gateways(&self) -> &[SocketAddr] {
        &self.gateways
    }

    /// Process ids of a program's replicas that run now.
    pub(crate) fn pids(&self, program: Program) -> Vec<u32> {
        let of = self.keepers.iter().filter(|keeper| keeper.program == program);
        of.filter_map(|keeper| keeper.pid.get()).collect()
    }

    /// Tells all to end, waits, and answers how each ended; none was between two lives.
    pub(crate) async fn stop(self) -> Vec<(Program, Option<ExitStatus>)> {
        let told: Vec<_> = self.keepers.into_iter().map(Keeper::tell_to_end).collect();
        let ended = tokio::task::spawn_blocking(move || {
            let wait = |(program, thread): (Program, JoinHandle<Option<ExitStatus>>)| {
                (program, thread.join().unwrap_or_default())
            };
            told.into_iter().map(wait).collect()
        });
        let ended = ended.await.unwrap_or_default();
        // They answered until the programs had ended.
        self.fronts.iter().for_each(tokio::task::JoinHandle::abort);
        ended
    }
}

/// How one child is started.
struct Line {
    program: Program,
    command: PathBuf,
    arguments: Vec<OsString>,
    log_file: Option<PathBuf>,
}

impl Line {
    fn new(origin: &Origin, program: Program, more: &[String]) -> Self {
        let mut arguments: Vec<OsString> = vec!["program".into(), "--parent".into()];
        arguments.push(std::process::id().to_string().into());
        if let Some(folder) = &origin.programs {
            arguments.extend(["--binary".into(), folder.join(program.as_str()).into()]);
        }
        arguments.push(program.as_str().into());
        arguments.extend(origin.lines.of(program).iter().cloned());
        arguments.extend(more.iter().map(OsString::from));
        Self {
            program,
            command: origin.lab_program.clone(),
            arguments,
            log_file: origin.log_file.clone(),
        }
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.command);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            // Ctrl-C in the terminal is for the lab; it ends its children when they may end.
            .process_group(0);
        if let Some(file) = &self.log_file {
            let log = OpenOptions::new().append(true).create(true).open(file)?;
            command.env("NO_COLOR", "1");
            command.stdout(log.try_clone()?).stderr(log);
        }
        command.spawn()
    }
}

/// The process that runs now, if one does.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<Option<u32>>>);

impl Running {
    fn set(&self, pid: Option<u32>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pid;
    }

    fn get(&self) -> Option<u32> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that owns one child. The kernel kills a child when the *thread* that started it ends, so no thread of a
/// pool may do it; and because the same thread waits for it, a signal never meets a stranger.
struct Keeper {
    program: Program,
    pid: Running,
    orders: SyncSender<()>,
    thread: JoinHandle<Option<ExitStatus>>,
}

impl Keeper {
    fn start(line: Line) -> anyhow::Result<Self> {
        let program = line.program;
        let (orders, received) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        let pid = Running::default();
        let noted = pid.clone();
        let thread = thread::Builder::new()
            .name(program.as_str().to_owned())
            .spawn(move || {
                let child = match line.spawn() {
                    Ok(child) => child,
                    Err(error) => {
                        let _starter_is_gone = tell.send(Err(error));
                        return None;
                    }
                };
                noted.set(Some(child.id()));
                let _starter_is_gone = tell.send(Ok(()));
                keep(&line, child, &noted, &received)
            })?;
        told.recv()
            .map_err(|_| anyhow!("its thread ended"))
            .and_then(|started| Ok(started?))
            .with_context(|| format!("cannot start the {}", program.as_str()))?;
        Ok(Self {
            program,
            pid,
            orders,
            thread,
        })
    }

    fn tell_to_end(self) -> (Program, JoinHandle<Option<ExitStatus>>) {
        drop(self.orders);
        (self.program, self.thread)
    }
}

/// Starts the child again whenever it ends, until the other end of `orders` is dropped; then ends it.
fn keep(line: &Line, mut child: Child, pid: &Running, orders: &Receiver<()>) -> Option<ExitStatus> {
    loop {
        while orders.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            if let Ok(Some(status)) = child.try_wait() {
                pid.set(None);
                let program = line.program.as_str();
                tracing::warn!(program, %status, "a program ended; starting it again");
                break;
            }
        }
        if pid.get().is_some() {
            return end(&mut child);
        }
        if orders.recv_timeout(BEFORE_RESTART) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
        match line.spawn() {
            Ok(new) => child = new,
            Err(error) => {
                tracing::error!(%error, program = line.program.as_str(), "giving up");
                return None;
            }
        }
        pid.set(Some(child.id()));
    }
}

/// Ends the child in order, or by force if it does not end in time.
fn end(child: &mut Child) -> Option<ExitStatus> {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _already_gone = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    let told_at = Instant::now();
    while told_at.elapsed() < GRACE {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(TICK);
    }
    tracing::warn!(pid = child.id(), "a program did not end in time");
    let _already_gone = child.kill();
    child.wait().ok()
}
