//! SIGTERM of the kubelet, told from one of the agent's own.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::sync::watch;

/// SIGTERM, read instead of handled: so it says who sent it.
pub struct Sigterm(SignalFd);

impl Sigterm {
    /// Blocks the signal in this thread, and in all that are started later.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn block() -> io::Result<Self> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGTERM);
        mask.thread_block()?;
        Ok(Self(SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC)?))
    }

    /// Tells when the pod is being removed. The thread that waits for it lives as long as the process.
    pub(super) fn watch(self) -> watch::Receiver<bool> {
        let (tell, terminating) = watch::channel(false);
        std::thread::spawn(move || {
            loop {
                match self.0.read_signal() {
                    Ok(Some(info)) if is_from_outside(std::process::id(), info.ssi_pid) => {
                        tracing::info!("SIGTERM: telling the supervisor, and staying until it says exit");
                        tell.send_replace(true);
                    }
                    Ok(Some(info)) => {
                        tracing::warn!(
                            pid = info.ssi_pid,
                            "a SIGTERM from inside the container means nothing"
                        );
                    }
                    Ok(None) | Err(Errno::EINTR) => {}
                    Err(error) => {
                        tracing::error!(%error, "SIGTERM cannot be waited for");
                        std::thread::park();
                    }
                }
            }
        });
        terminating
    }
}

/// The kernel names no sender that is outside of the container (`pid_namespaces(7)`). A process that is not the first of
/// its namespace shares it with whoever may send.
fn is_from_outside(own: u32, sender: u32) -> bool {
    own != 1 || sender == 0
}

#[cfg(test)]
mod tests {
    use super::is_from_outside;

    #[test]
    fn a_containers_own_processes_cannot_announce_its_end() {
        assert!(is_from_outside(1, 0));
        assert!(!is_from_outside(1, 17));
        assert!(is_from_outside(4711, 17));
    }
}
