//! The outer launcher: makes the namespaces, starts the container, passes on signals, and ends with its exit code.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getegid, geteuid};

use super::spec::{KILL, Report, START_FAILED, Spec, TERMINATE};
use super::{ARGUMENT, Isolation, credentials, wire};

pub(super) fn run() -> i32 {
    match launch() {
        Ok(status) => status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal))
            .unwrap_or(START_FAILED),
        Err(error) => {
            wire::report(&Report::Failed(format!("{error:#}")));
            START_FAILED
        }
    }
}

fn launch() -> Result<ExitStatus> {
    let mut input = wire::input().context("standard input")?;
    let spec: Spec = wire::read(&mut input).context("read the container's spec")?;
    // The children of a plain process come to us when their parent dies, so that none is left behind.
    nix::sys::prctl::set_child_subreaper(true).context("become the reaper")?;
    enter_namespaces(spec.isolation)?;
    // Blocked before the child exists, so that its end is never missed.
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGCHLD);
    ends.thread_block().context("block SIGCHLD")?;
    let ended =
        SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).context("signalfd")?;
    let mut child = Command::new(std::env::current_exe().context("find this program")?)
        .args([ARGUMENT, "inner"])
        .env_clear()
        .process_group(0)
        .stdin(Stdio::piped())
        .spawn()
        .context("start the container's first process")?;
    wire::report(&Report::Pid(child.id()));
    if let Some(cgroup) = &spec.cgroup {
        // The memory bound holds the container, not this launcher, which has to tell of its end.
        fs::write(cgroup.join("cgroup.procs"), child.id().to_string()).context("enter the control group")?;
    }
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(&wire::encode(&spec)?)
            .context("hand over the spec")?;
    }
    watch_over(&mut child, &mut input, &ended, spec.isolation)
}

fn enter_namespaces(isolation: Isolation) -> Result<()> {
    let own = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    match isolation {
        Isolation::None => return Ok(()),
        Isolation::Full => {}
        Isolation::OneUser => {
            let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
            unshare(CloneFlags::CLONE_NEWUSER).context("make a user namespace")?;
            credentials::map_user((0, uid), (0, gid))?;
        }
    }
    unshare(own).context("make mount, process, IPC and host name namespaces")
}

fn watch_over(
    child: &mut Child,
    input: &mut (impl Read + AsFd),
    ended: &SignalFd,
    isolation: Isolation,
) -> Result<ExitStatus> {
    let pid = Pid::from_raw(i32::try_from(child.id()).context("process id")?);
    // Only the first process is asked; killed is all. One with namespaces ends with its process 1, a plain one is a group.
    let send = |signal: Signal| match isolation {
        Isolation::None if signal == Signal::SIGKILL => killpg(pid, signal),
        _ => kill(pid, signal),
    };
    let mut is_attended = true;
    loop {
        if let Some(status) = child.try_wait().context("wait for the container")? {
            if isolation == Isolation::None {
                // Whatever it left behind in its group goes too; none left is fine.
                killpg(pid, Signal::SIGKILL).ok();
            }
            return Ok(status);
        }
        let mut sources = vec![PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
        if is_attended {
            sources.push(PollFd::new(input.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut sources, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error).context("poll"),
        }
        let has_input = sources.get(1).and_then(PollFd::any).unwrap_or(false);
        drop(sources);
        while ended.read_signal().context("read signals")?.is_some() {}
        if has_input {
            let orders = read_orders(input);
            for order in &orders {
                let signal = if *order == KILL {
                    Signal::SIGKILL
                } else {
                    Signal::SIGTERM
                };
                // It may have ended meanwhile, which the next round sees.
                send(signal).ok();
            }
            is_attended = !orders.is_empty();
            if !is_attended {
                // The simulator is gone: so is the container.
                send(Signal::SIGKILL).ok();
            }
        }
    }
}

/// Reads the orders that wait; none means that the input is closed.
fn read_orders(input: &mut impl Read) -> Vec<u8> {
    let mut buffer = [0; 16];
    let read: io::Result<usize> = input.read(&mut buffer);
    let orders = &buffer[..read.unwrap_or(0)];
    orders
        .iter()
        .copied()
        .filter(|order| [TERMINATE, KILL].contains(order))
        .collect()
}
