//! Runs the agent's program in a process group of its own, and ends it.

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

use super::session::{Body, Out, refused};
use super::{files, launch, memory};
use crate::beneath;
use crate::config::AgentConfig;
use crate::wire::frame::{CHANNEL_ERROR, CHANNEL_MAIN};
use crate::wire::{ExecAsk, Exited, Refusal, Reply};

/// Largest standard input: a prompt.
const INPUT_BYTES: usize = 4 * 1024 * 1024;
/// Bytes read from a program's output at once.
const OUTPUT_BYTES: usize = 16 * 1024;
/// How long what is left in the pipes may take to arrive after the program ended.
const DRAIN: Duration = Duration::from_secs(5);

/// The program that runs now, if one does.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<Option<Group>>>);

#[derive(Clone)]
struct Group {
    id: Pid,
    ended: watch::Receiver<bool>,
}

impl Running {
    /// Ends the program: TERM to its group, and KILL if it is still there after `grace`.
    pub(super) async fn stop(&self, grace: Duration) -> Reply {
        let group = self.lock().clone();
        if let Some(mut group) = group {
            signal(group.id, Signal::SIGTERM);
            if tokio::time::timeout(grace, group.ended.wait_for(|ended| *ended))
                .await
                .is_err()
            {
                signal(group.id, Signal::SIGKILL);
            }
        }
        Reply::Done
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Group>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the group off the list and kills what is left of it, however the task that runs it ends.
struct Cleanup {
    running: Running,
    id: Pid,
    ended: watch::Sender<bool>,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        signal(self.id, Signal::SIGKILL);
        self.running.lock().take();
        self.ended.send_replace(true);
    }
}

/// Runs the program to its end, its output going to the supervisor as it comes.
pub(super) async fn run(
    config: &AgentConfig,
    running: &Running,
    ask: ExecAsk,
    body: Body,
    out: &Out,
) -> Reply {
    let input = match files::collect(body, INPUT_BYTES).await {
        Ok(input) => input,
        Err(error) => return refused(Refusal::TooLarge, error.to_string()),
    };
    let ooms_before = memory::oom_kills();
    let (mut child, cleanup) = match start(config, running, &ask) {
        Ok(started) => started,
        Err(error) => return not_started(&ask, &error),
    };
    let feeding = child.stdin.take().map(|stdin| tokio::spawn(feed(stdin, input)));
    let pumps = futures_util::future::join(
        pump(child.stdout.take(), CHANNEL_MAIN, out),
        pump(child.stderr.take(), CHANNEL_ERROR, out),
    );
    let ending = async {
        let status = child.wait().await;
        // Whatever the program left running in its group ends with it, and lets go of the pipes.
        drop(cleanup);
        end_survivors();
        status
    };
    let status = with_rest(ending, pumps).await;
    if let Some(feeding) = feeding {
        feeding.abort();
    }
    match status {
        Ok(status) => Reply::Exited(Exited {
            code: status.code(),
            signal: std::os::unix::process::ExitStatusExt::signal(&status),
            oom: memory::oom_kills() > ooms_before,
        }),
        Err(error) => refused(
            Refusal::Failed,
            format!("failed to wait for the program: {error}"),
        ),
    }
}

/// Waits for the program's end, and a little longer for what its pipes still hold.
async fn with_rest<T>(ending: impl Future<Output = T>, pumps: impl Future) -> T {
    tokio::pin!(ending, pumps);
    tokio::select! {
        status = &mut ending => {
            let _ = tokio::time::timeout(DRAIN, pumps).await;
            status
        }
        _ = &mut pumps => ending.await,
    }
}

fn start(config: &AgentConfig, running: &Running, ask: &ExecAsk) -> io::Result<(Child, Cleanup)> {
    let (program, arguments) = ask
        .argv
        .split_first()
        .ok_or_else(|| io::Error::other("an empty argument vector"))?;
    let mut slot = running.lock();
    if slot.is_some() {
        return Err(io::Error::other("a program is running already"));
    }
    let folder = beneath::join(&config.workspace_dir, &ask.folder)?;
    let own = config.path_with_tools();
    let search_path = ask.env.get("PATH").map_or(own.as_os_str(), OsStr::new);
    if !folder.is_dir() || !launch::exists(program, search_path, &folder) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let child = Command::new(std::env::current_exe()?)
        .args(["become", "--", program])
        .args(arguments)
        .env("HOME", &config.home_dir)
        .env("PATH", &own)
        .envs(&ask.env)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let id = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .ok_or_else(|| io::Error::other("no pid"))?;
    let (ended, watch) = watch::channel(false);
    let id = Pid::from_raw(id);
    *slot = Some(Group { id, ended: watch });
    drop(slot);
    Ok((
        child,
        Cleanup {
            running: running.clone(),
            id,
            ended,
        },
    ))
}

fn not_started(ask: &ExecAsk, error: &io::Error) -> Reply {
    let program = ask.argv.first().map_or("", String::as_str);
    let refusal = if error.kind() == io::ErrorKind::NotFound {
        Refusal::NotFound
    } else {
        Refusal::Failed
    };
    refused(
        refusal,
        format!("failed to start {program:?} in {:?}: {error}", ask.folder),
    )
}

async fn feed(mut stdin: ChildStdin, input: Bytes) {
    // A program that does not read its input is within its rights.
    let _ = stdin.write_all(&input).await;
}

async fn pump(pipe: Option<impl AsyncRead + Unpin>, channel: u8, out: &Out) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = BytesMut::with_capacity(OUTPUT_BYTES);
    while matches!(pipe.read_buf(&mut buffer).await, Ok(length) if length > 0) {
        if out.data(channel, buffer.split().freeze()).await.is_err() {
            return;
        }
        buffer.reserve(OUTPUT_BYTES);
    }
}

/// Ends what left the program's group, where this process is the first of the container: what comes after the program
/// must not be changed under the supervisor's hands.
fn end_survivors() {
    if std::process::id() == 1 {
        // ESRCH: there is nobody.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
    }
}

fn signal(group: Pid, signal: Signal) {
    // ESRCH: the group is gone, which is what was wanted.
    let _ = killpg(group, signal);
}
