//! Finds out how far this host lets containers be kept apart, by trying.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::spec::{Program, Spec, User};
use super::{ARGUMENT, Isolation, wire};

/// The exit code by which a trial container says that it ran.
const RAN: i32 = 42;

const DEADLINE: Duration = Duration::from_secs(10);

/// Tries a container of the best kind this user may hope for; also tells why there is no isolation.
///
/// # Errors
///
/// If not even a plain process can be started by the launcher.
pub(crate) async fn probe(launcher: &Path, folder: &Path) -> Result<(Isolation, Option<String>)> {
    let best = if nix::unistd::geteuid().is_root() {
        Isolation::Full
    } else {
        Isolation::OneUser
    };
    match attempt(launcher, folder, best).await {
        Ok(()) => Ok((best, None)),
        Err(refused) => {
            attempt(launcher, folder, Isolation::None).await.context(
                "the launcher cannot run a container; does its `main` call `cluster_sim::launcher_main` first?",
            )?;
            Ok((Isolation::None, Some(format!("{refused:#}"))))
        }
    }
}

async fn attempt(launcher: &Path, folder: &Path, isolation: Isolation) -> Result<()> {
    let scratch = tempfile::tempdir_in(folder).context("make a folder for the trial")?;
    let argv = ["/bin/sh", "-c", "test $$ = 1 -o $# = 1 && exit 42", "trial"]
        .map(str::to_owned)
        .to_vec();
    let argv = if isolation == Isolation::None {
        [argv, vec!["plain".to_owned()]].concat()
    } else {
        argv
    };
    let spec = Spec {
        isolation,
        scratch: scratch.path().to_owned(),
        mounts: Vec::new(),
        read_only_root: true,
        hostname: "trial".to_owned(),
        user: User {
            uid: 65_534,
            gid: 65_534,
            groups: Vec::new(),
        },
        program: Program {
            argv,
            env: Vec::new(),
            directory: PathBuf::from("/"),
        },
        cgroup: None,
    };
    let mut child = Command::new(launcher)
        .args([ARGUMENT, "outer"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("start the launcher {}", launcher.display()))?;
    // Held until the end: its closing would kill the trial.
    let mut stdin = child.stdin.take().context("the launcher's input")?;
    stdin
        .write_all(&wire::encode(&spec)?)
        .await
        .context("hand over the spec")?;
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output())
        .await
        .context("the trial container did not end within 10 s")??;
    drop(stdin);
    if output.status.code() == Some(RAN) {
        return Ok(());
    }
    bail!(
        "the trial ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stdout).trim()
    )
}
