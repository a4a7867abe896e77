//! What a process used, as the kernel counts it.

use std::time::Duration;

use anyhow::Context;

/// `USER_HZ`: what `/proc/PID/stat` counts in, on every architecture Rust's Linux targets run on.
const TICK: Duration = Duration::from_millis(10);

/// The fields of `/proc/PID/stat` that matter here (`proc_pid_stat(5)`).
struct Stat {
    parent: u32,
    own_ticks: u32,
    ended_children_ticks: u32,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold spaces and brackets; what counts stands after the last one.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u32>().ok();
        Some(Self {
            parent: number(4)?,
            own_ticks: number(14)? + number(15)?,
            ended_children_ticks: number(16)? + number(17)?,
        })
    }
}

/// User and system time of these processes so far.
pub(super) fn cpu(pids: &[u32]) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for pid in pids {
        ticks += Stat::read(*pid)
            .with_context(|| format!("process {pid} has ended"))?
            .own_ticks;
    }
    Ok(TICK * ticks)
}

/// User and system time of a process and all below it so far, those that have ended included.
pub(super) fn cpu_of_tree(root: u32) -> anyhow::Result<Duration> {
    let all: Vec<(u32, Stat)> = std::fs::read_dir("/proc")
        .context("reading /proc: the bench needs Linux")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, Stat::read(pid)?)))
        .collect();
    let mut ticks = 0;
    let mut found = vec![root];
    while let Some(pid) = found.pop() {
        if let Some((_, stat)) = all.iter().find(|(it, _)| *it == pid) {
            ticks += stat.own_ticks + stat.ended_children_ticks;
        }
        found.extend(all.iter().filter(|(_, it)| it.parent == pid).map(|(pid, _)| *pid));
    }
    Ok(TICK * ticks)
}

/// Memory that a process has in RAM, in KiB.
pub(super) fn rss_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} has ended"))?;
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .context("the kernel does not tell VmRSS")
}

#[cfg(test)]
mod tests {
    use super::{cpu, cpu_of_tree, rss_kib};

    #[test]
    fn this_process_uses_memory_and_is_part_of_its_own_tree() {
        let me = std::process::id();
        assert!(rss_kib(me).unwrap() > 100);
        let alone = cpu(&[me]).unwrap();
        assert!(cpu_of_tree(me).unwrap() >= alone);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(cpu(&[u32::MAX]).is_err());
        assert!(rss_kib(u32::MAX).is_err());
    }
}
