//! The inner launcher: builds the container's world from inside and becomes its program.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::SigSet;
use nix::sys::stat::{Mode, umask};

use super::spec::{ExecSpec, Program, Report, START_FAILED, Spec};
use super::{Isolation, credentials, root, wire};

pub(super) fn run() -> i32 {
    // A copy: to become the program, standard output is exchanged first, also when that fails.
    let Ok(output) = io::stdout().as_fd().try_clone_to_owned() else {
        return START_FAILED;
    };
    let Err(error) = become_program();
    wire::report_to(&mut File::from(output), &Report::Failed(format!("{error:#}")));
    START_FAILED
}

fn become_program() -> Result<std::convert::Infallible> {
    let spec: Spec = wire::read(&mut wire::input()?).context("read the container's spec")?;
    SigSet::all().thread_unblock().context("unblock signals")?;
    umask(Mode::from_bits_truncate(0o022));
    if spec.isolation != Isolation::None {
        nix::unistd::sethostname(&spec.hostname).context("set the host name")?;
        root::build(&spec)?;
    }
    credentials::assume(&spec.user, spec.isolation)?;
    let output = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .context("standard error")?;
    let mut command = command(&spec.program)?;
    command.stdin(Stdio::null()).stdout(output);
    wire::report(&Report::Started);
    Err(command.exec()).with_context(|| format!("exec {:?}", spec.program.argv[0]))
}

fn command(program: &Program) -> Result<Command> {
    let (name, arguments) = program
        .argv
        .split_first()
        .context("the container has no command")?;
    std::env::set_current_dir(&program.directory)
        .with_context(|| format!("enter the working folder {}", program.directory.display()))?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env_clear()
        .envs(program.env.iter().map(|(key, value)| (key, value)));
    Ok(command)
}

/// Runs a probe's program inside a container that runs, and gives its exit code.
pub(super) fn run_in_running() -> i32 {
    match exec() {
        Ok(code) => code,
        Err(error) => {
            wire::report(&Report::Failed(format!("{error:#}")));
            START_FAILED
        }
    }
}

fn exec() -> Result<i32> {
    let spec: ExecSpec = wire::read(&mut wire::input()?).context("read the probe's spec")?;
    let open = |pid: u32, name: &str| {
        let path = format!("/proc/{pid}/ns/{name}");
        File::open(&path).with_context(|| format!("open {path}"))
    };
    // All are opened first: after the mount namespace, /proc is the container's.
    match spec.isolation {
        Isolation::None => credentials::assume(&spec.user, spec.isolation)?,
        Isolation::Full => {
            let (mounts, processes) = (open(spec.inner, "mnt")?, open(spec.inner, "pid")?);
            enter(&processes, &mounts)?;
            credentials::assume(&spec.user, spec.isolation)?;
        }
        Isolation::OneUser => {
            let (mounts, processes) = (open(spec.inner, "mnt")?, open(spec.inner, "pid")?);
            let (outer, inner) = (open(spec.outer, "user")?, open(spec.inner, "user")?);
            setns(outer, CloneFlags::CLONE_NEWUSER).context("enter the outer user namespace")?;
            enter(&processes, &mounts)?;
            setns(inner, CloneFlags::CLONE_NEWUSER).context("enter the inner user namespace")?;
            credentials::give_up()?;
        }
    }
    let status = command(&spec.program)?
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("exec {:?}", spec.program.argv[0]))?;
    Ok(status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(START_FAILED))
}

fn enter(processes: &File, mounts: &File) -> Result<()> {
    setns(processes, CloneFlags::CLONE_NEWPID).context("enter the process namespace")?;
    setns(mounts, CloneFlags::CLONE_NEWNS).context("enter the mount namespace")
}
