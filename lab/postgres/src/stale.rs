//! A server that an earlier program left behind.

use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{Error, Result, error::At, folder::PidFile};

/// The server of a killed program is told by the kernel; it gets this long before we tell it too.
const GRACE: Duration = Duration::from_secs(2);

/// Ends a server that still runs on the cluster. The folder's lock is ours, so no living program wants it.
pub(crate) fn clear(cluster: &Path) -> Result<()> {
    let Some(PidFile { pid, .. }) = PidFile::read(cluster) else {
        return Ok(());
    };
    let is_alive = kill(Pid::from_raw(pid), None).is_ok();
    if is_alive && !serves(pid, cluster) {
        // The id went to another program; PostgreSQL cannot tell, and would refuse to start.
        let file = cluster.join("postmaster.pid");
        return fs::remove_file(&file).at("remove", &file);
    }
    let waits = [
        (None, GRACE),
        (Some(Signal::SIGINT), Duration::from_secs(20)),
        (Some(Signal::SIGQUIT), Duration::from_secs(5)),
    ];
    for (signal, patience) in waits {
        if serves(pid, cluster) && signal.is_some() {
            tracing::info!(pid, "stopping the server that an earlier program left behind");
            let _already_gone = kill(Pid::from_raw(pid), signal);
        }
        if is_gone(pid, cluster, patience) {
            return Ok(());
        }
    }
    Err(Error::StopFailed(pid.unsigned_abs()))
}

fn is_gone(pid: i32, cluster: &Path, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    while serves(pid, cluster) {
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Tells whether a process is a server of this cluster: its arguments name the folder.
fn serves(pid: i32, cluster: &Path) -> bool {
    let wanted = cluster.as_os_str().as_bytes();
    arguments(pid).windows(wanted.len()).any(|part| part == wanted)
}

#[cfg(target_os = "linux")]
fn arguments(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn arguments(pid: i32) -> Vec<u8> {
    let mut ps = std::process::Command::new("/bin/ps");
    ps.args(["-ww", "-o", "command=", "-p", &pid.to_string()]);
    pinned_wheel::program::run(&mut ps, Duration::from_secs(5))
        .map(|it| it.stdout.into_bytes())
        .unwrap_or_default()
}
