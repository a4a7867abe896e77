//! Memory bounds by control groups, where the host lets us make some.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder under which each container gets its group.
#[derive(Debug)]
pub(crate) struct Cgroups {
    root: PathBuf,
    is_unified: bool,
}

impl Cgroups {
    /// Finds a place where groups with a memory bound can be made; `None` if there is none. `port` tells the simulators of
    /// one process apart.
    pub(crate) fn find(port: u16) -> Option<Self> {
        let name = &format!("{PREFIX}{}-{port}", std::process::id());
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mut candidates = Vec::new();
        for line in own.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
            let (mount, is_unified) = match controllers {
                "" => (Path::new("/sys/fs/cgroup"), true),
                list if list.split(',').any(|item| item == "memory") => {
                    (Path::new("/sys/fs/cgroup/memory"), false)
                }
                _ => continue,
            };
            // Ours first, then those above it: in the newer version a group with processes cannot have bounded children.
            candidates.extend(
                Path::new(path)
                    .ancestors()
                    .map(|path| (mount.join(path), is_unified)),
            );
        }
        candidates.into_iter().find_map(|(folder, is_unified)| {
            remove_abandoned(&folder);
            let root = folder.join(name);
            fs::create_dir(&root).ok()?;
            if is_unified {
                // Lets the children have memory bounds of their own.
                fs::write(root.join("cgroup.subtree_control"), "+memory").ok();
            }
            let groups = Self { root, is_unified };
            let is_usable = groups.create("trial", 1 << 30).is_some();
            is_usable.then_some(groups)
        })
    }

    /// Makes a group that may use `bytes`; `None` if the host refuses.
    pub(crate) fn create(&self, name: &str, bytes: u64) -> Option<Cgroup> {
        let group = Cgroup {
            path: self.root.join(name),
            is_unified: self.is_unified,
        };
        fs::create_dir(&group.path).ok()?;
        let bound = if self.is_unified {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        fs::write(group.path.join(bound), bytes.to_string()).ok()?;
        if self.is_unified {
            // All of a container ends together. Older kernels lack it.
            fs::write(group.path.join("memory.oom.group"), "1").ok();
            fs::write(group.path.join("memory.swap.max"), "0").ok();
        }
        Some(group)
    }
}

/// What the names of our groups begin with; the process id of their simulator follows.
const PREFIX: &str = "cluster-sim-";

/// Removes the groups of simulators that were killed and could not do it themselves.
fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let is_abandoned = owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if is_abandoned {
            for child in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                // The kernel's own files there are no folders, and stay.
                fs::remove_dir(child.path()).ok();
            }
            fs::remove_dir(entry.path()).ok();
        }
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        fs::remove_dir(&self.root).ok();
    }
}

/// The group of one attempt of a container; removed when dropped.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
    is_unified: bool,
}

impl Cgroup {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Counts the processes killed because the bound was reached.
    pub(crate) fn oom_kills(&self) -> u64 {
        let file = if self.is_unified {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let content = fs::read_to_string(self.path.join(file)).unwrap_or_default();
        let line = content.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        fs::remove_dir(&self.path).ok();
    }
}
