//! Reaps orphans when this process is the container's init.
//!
//! Children of the agent's program that outlive it become children of pid 1. Only a zombie seen in two scans is reaped:
//! the runtime collects its own children within moments, so what lies around longer is nobody's.

use std::collections::HashSet;
use std::time::Duration;

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

const PERIOD: Duration = Duration::from_secs(5);

/// Starts reaping, if this process is pid 1; else its orphans go to another init.
pub(super) fn start() {
    if std::process::id() != 1 {
        return;
    }
    tokio::spawn(async {
        let mut seen = HashSet::new();
        loop {
            tokio::time::sleep(PERIOD).await;
            let now = zombies();
            for pid in now.intersection(&seen) {
                let _ = waitpid(Pid::from_raw(*pid), Some(WaitPidFlag::WNOHANG));
            }
            seen = now;
        }
    });
}

fn zombies() -> HashSet<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return HashSet::new();
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| is_orphaned_zombie(&stat))
        })
        .collect()
}

/// Reads `pid (name) state ppid …`; the name may hold anything, so it is skipped from the right.
fn is_orphaned_zombie(stat: &str) -> bool {
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.next() == Some("Z") && fields.next() == Some("1")
}

#[cfg(test)]
mod tests {
    use super::is_orphaned_zombie;

    #[test]
    fn only_zombies_of_pid_1_count() {
        assert!(is_orphaned_zombie("42 (a ) Z 7) Z 1 42 42"));
        assert!(!is_orphaned_zombie("42 (sleep) Z 7 42 42"));
        assert!(!is_orphaned_zombie("42 (sleep) S 1 42 42"));
    }
}
