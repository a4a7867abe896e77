//! Whether the kernel killed something in this container for want of memory.

/// cgroup v2, then v1; each has a line `oom_kill <count>`.
const EVENT_FILES: [&str; 2] = [
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
];

/// Returns how often it happened since the container started; 0 where the kernel does not say.
pub(super) fn oom_kills() -> u64 {
    EVENT_FILES
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .and_then(|text| count(&text))
        .unwrap_or(0)
}

fn count(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_cgroup_versions_are_understood() {
        assert_eq!(
            super::count("low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n"),
            Some(2)
        );
        assert_eq!(
            super::count("oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"),
            Some(5)
        );
        assert_eq!(super::count(""), None);
    }
}
