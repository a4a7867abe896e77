//! A worker that stands still.

use lab::{Lab, Program};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// While it lives, the lab's workers get no time; their queue grows. Receiving is measured alone this way.
pub(super) struct Paused(Vec<Pid>);

impl Paused {
    pub(super) fn workers(lab: &Lab) -> anyhow::Result<Self> {
        let pids = lab.pids(Program::Worker).into_iter().map(i32::try_from);
        let paused = Self(pids.map(|pid| pid.map(Pid::from_raw)).collect::<Result<_, _>>()?);
        for pid in &paused.0 {
            kill(*pid, Signal::SIGSTOP)?;
        }
        Ok(paused)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        for pid in &self.0 {
            // One that has ended needs no waking.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}
