//! One attempt of a container as a process under a launcher.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::logs::Writer;
use crate::sandbox::spec::{ExecSpec, KILL, Report, START_FAILED, Spec, TERMINATE};
use crate::sandbox::{ARGUMENT, wire};

/// How long a launcher may take until the program runs.
const START: Duration = Duration::from_secs(20);

/// How long the rest of a log is waited for after its container ended.
const DRAIN: Duration = Duration::from_secs(2);

/// How a container ended.
#[derive(Debug)]
pub(crate) struct Exit {
    /// 128 and the signal's number if a signal ended it.
    pub(crate) code: i32,
    /// Why its program never ran.
    pub(crate) start_error: Option<String>,
}

/// A running container. When dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    orders: mpsc::Sender<u8>,
    pub(crate) outer: u32,
    pub(crate) inner: u32,
}

impl Process {
    /// Asks the container to end; asking again is harmless.
    pub(crate) fn terminate(&self) {
        self.orders.try_send(TERMINATE).ok();
    }

    pub(crate) fn kill(&self) {
        self.orders.try_send(KILL).ok();
    }
}

fn launcher(program: &Path, mode: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args([ARGUMENT, mode])
        .env_clear()
        // A signal from the terminal is for the simulator: it ends its containers itself.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Starts a container and waits until its program runs; the future that comes with it gives its end.
///
/// # Errors
///
/// Why it could not be started, for the pod's status.
pub(crate) async fn start(
    program: &Path,
    spec: &Spec,
    log: Writer,
) -> Result<(Process, impl Future<Output = Exit> + Send + use<>)> {
    let mut child = launcher(program, "outer")
        .stderr(Stdio::piped())
        .spawn()
        .context("start the launcher")?;
    let mut stdin = child.stdin.take().context("the launcher's input")?;
    let mut reports = BufReader::new(child.stdout.take().context("the launcher's reports")?).lines();
    let output = child.stderr.take().context("the container's output")?;
    stdin
        .write_all(&wire::encode(spec)?)
        .await
        .context("hand over the spec")?;
    let outer = child.id().context("the launcher ended at once")?;
    let inner = timeout(START, started(&mut reports))
        .await
        .context("it did not start within 20 s")??;
    let (orders, mut receiver) = mpsc::channel::<u8>(8);
    // Holds the lifeline: it ends, and closes the launcher's input, with the last `Process`.
    tokio::spawn(async move {
        while let Some(order) = receiver.recv().await {
            stdin.write_all(&[order]).await.ok();
        }
    });
    let log = tokio::spawn(log.copy(output));
    let ended = async move {
        let exit = wait(&mut child, &mut reports).await;
        timeout(DRAIN, log).await.ok();
        exit
    };
    Ok((Process { orders, outer, inner }, ended))
}

async fn started(reports: &mut Lines<BufReader<ChildStdout>>) -> Result<u32> {
    let mut inner = 0;
    while let Some(line) = reports.next_line().await? {
        match serde_json::from_str(&line)? {
            Report::Pid(pid) => inner = pid,
            Report::Started => return Ok(inner),
            Report::Failed(why) => bail!("{why}"),
        }
    }
    bail!("the launcher ended before the program ran")
}

async fn wait(child: &mut Child, reports: &mut Lines<BufReader<ChildStdout>>) -> Exit {
    let mut start_error = None;
    // A program that cannot be executed reports so after it was about to start.
    while let Ok(Some(line)) = reports.next_line().await {
        if let Ok(Report::Failed(why)) = serde_json::from_str(&line) {
            start_error = Some(why);
        }
    }
    let code = child
        .wait()
        .await
        .ok()
        .and_then(|status| status.code())
        .unwrap_or(START_FAILED);
    Exit { code, start_error }
}

/// Runs a program inside a running container and tells whether it ended well within `deadline`.
pub(crate) async fn exec(program: &Path, spec: &ExecSpec, deadline: Duration) -> Result<bool> {
    let mut child = launcher(program, "exec")
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("start the launcher")?;
    let mut stdin = child.stdin.take().context("the launcher's input")?;
    stdin
        .write_all(&wire::encode(spec)?)
        .await
        .context("hand over the spec")?;
    let status = timeout(deadline, child.wait())
        .await
        .context("the probe did not end in time")??;
    Ok(status.success())
}
