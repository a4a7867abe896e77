//! The root file system of a container: the host's programs read-only, its own volumes, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::pivot_root;

use super::Isolation;
use super::spec::{Mount, Spec};

/// What every container sees of the host, read-only: programs, libraries, configuration.
const BASE: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc",
];

const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Builds the root and moves into it. This process must be the first of its process namespace.
pub(super) fn build(spec: &Spec) -> Result<()> {
    let root = Root {
        path: spec.scratch.clone(),
        recursive: spec.isolation == Isolation::OneUser,
    };
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .context("keep our mounts to ourselves")?;
    tmpfs(&root.path, "mode=755,size=1g")?;
    for path in BASE {
        root.base(Path::new(path))?;
    }
    for (path, mode) in [
        ("tmp", 0o1777),
        ("run", 0o755),
        ("var/tmp", 0o1777),
        ("home", 0o755),
        ("root", 0o700),
    ] {
        let path = root.path.join(path);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    root.resolver()?;
    root.devices()?;
    root.processes()?;
    let mut mounts = spec.mounts.clone();
    // Parents first, so that a mount inside another one is not covered by it.
    mounts.sort_by_key(|mount| mount.target.components().count());
    root.prepare_read_only_folders(&mounts)?;
    for mount in &mounts {
        root.bind(mount)
            .with_context(|| format!("mount {}", mount.target.display()))?;
    }
    // As container runtimes do; where it cannot be made, entering it says so.
    fs::create_dir_all(root.inside(&spec.program.directory)).ok();
    root.enter(spec.read_only_root)
}

struct Root {
    path: PathBuf,
    /// Without privileges on the host, mounts below a folder can only be taken along with it.
    recursive: bool,
}

impl Root {
    fn inside(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn base(&self, path: &Path) -> Result<()> {
        let Ok(found) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        let inside = self.inside(path);
        if found.is_symlink() {
            symlink(fs::read_link(path)?, &inside)?;
        } else if found.is_dir() {
            fs::create_dir(&inside)?;
            self.bind_read_only(path, &inside)?;
        }
        Ok(())
    }

    /// Shows the resolver's configuration also where `/etc/resolv.conf` only points outside of `/etc`.
    fn resolver(&self) -> Result<()> {
        let Ok(real) = fs::canonicalize("/etc/resolv.conf") else {
            return Ok(());
        };
        if real.starts_with("/etc") || BASE.iter().any(|base| real.starts_with(base)) {
            return Ok(());
        }
        let inside = self.inside(&real);
        make_target(&real, &inside)?;
        self.bind_read_only(&real, &inside)
    }

    fn devices(&self) -> Result<()> {
        let dev = self.path.join("dev");
        fs::create_dir(&dev)?;
        for name in DEVICES {
            let source = Path::new("/dev").join(name);
            if source.exists() {
                let target = dev.join(name);
                fs::File::create(&target)?;
                mount(
                    Some(&source),
                    &target,
                    None::<&str>,
                    MsFlags::MS_BIND,
                    None::<&str>,
                )
                .with_context(|| format!("mount {}", source.display()))?;
            }
        }
        for (name, target) in [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ] {
            symlink(target, dev.join(name))?;
        }
        let shm = dev.join("shm");
        fs::create_dir(&shm)?;
        tmpfs(&shm, "mode=1777,size=64m")
    }

    fn processes(&self) -> Result<()> {
        let proc = self.path.join("proc");
        fs::create_dir(&proc)?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), &proc, Some("proc"), flags, None::<&str>).context("mount /proc")?;
        for knob in ["sys", "sysrq-trigger"] {
            let path = proc.join(knob);
            if path.exists() {
                self.bind_read_only(&path, &path)?;
            }
        }
        Ok(())
    }

    /// Makes the missing mount points below the read-only folders: a layer that holds only them is put over each.
    fn prepare_read_only_folders(&self, mounts: &[Mount]) -> Result<()> {
        let mut missing: BTreeMap<PathBuf, Vec<&Mount>> = BTreeMap::new();
        for mount in mounts {
            let is_below = BASE.iter().any(|base| mount.target.starts_with(base));
            let is_covered = mounts
                .iter()
                .any(|other| other.target != mount.target && mount.target.starts_with(&other.target));
            if !is_below || is_covered || self.inside(&mount.target).exists() {
                continue;
            }
            let folder = mount
                .target
                .ancestors()
                .skip(1)
                .find(|path| self.inside(path).is_dir());
            let folder = folder.context("a mount point has a parent")?;
            missing.entry(folder.to_owned()).or_default().push(mount);
        }
        for (index, (folder, mounts)) in missing.iter().enumerate() {
            let layer = self.path.join(format!(".layer-{index}"));
            fs::create_dir(&layer)?;
            for mount in mounts {
                make_target(&mount.source, &layer.join(mount.target.strip_prefix(folder)?))?;
            }
            let target = self.inside(folder);
            let data = format!("lowerdir={}:{}", layer.display(), target.display());
            mount(
                Some("overlay"),
                &target,
                Some("overlay"),
                MsFlags::MS_RDONLY,
                Some(data.as_str()),
            )
            .with_context(|| {
                let what = mounts[0].target.display();
                format!(
                    "this host cannot add {what} to a read-only folder: mount it elsewhere, as under /opt"
                )
            })?;
        }
        Ok(())
    }

    fn bind(&self, wanted: &Mount) -> Result<()> {
        let target = self.inside(&wanted.target);
        make_target(&wanted.source, &target)?;
        if wanted.read_only {
            return self.bind_read_only(&wanted.source, &target);
        }
        mount(
            Some(&wanted.source),
            &target,
            None::<&str>,
            self.bind_flags(),
            None::<&str>,
        )?;
        remount(&target, MsFlags::empty())
    }

    fn bind_flags(&self) -> MsFlags {
        if self.recursive {
            MsFlags::MS_BIND | MsFlags::MS_REC
        } else {
            MsFlags::MS_BIND
        }
    }

    fn bind_read_only(&self, source: &Path, target: &Path) -> Result<()> {
        mount(
            Some(source),
            target,
            None::<&str>,
            self.bind_flags(),
            None::<&str>,
        )
        .with_context(|| format!("bind {}", source.display()))?;
        remount(target, MsFlags::MS_RDONLY)
    }

    fn enter(&self, read_only: bool) -> Result<()> {
        std::env::set_current_dir(&self.path)?;
        pivot_root(".", ".").context("pivot_root")?;
        umount2(".", MntFlags::MNT_DETACH).context("leave the host's root")?;
        std::env::set_current_dir("/")?;
        if read_only {
            remount(Path::new("/"), MsFlags::MS_RDONLY)?;
        }
        Ok(())
    }
}

fn tmpfs(target: &Path, options: &str) -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), target, Some("tmpfs"), flags, Some(options))
        .with_context(|| format!("mount a tmpfs on {}", target.display()))
}

/// Sets the flags of a mount, keeping those the host set: a namespace may not clear them.
fn remount(target: &Path, flags: MsFlags) -> Result<()> {
    let found = statvfs(target).context("read mount flags")?.flags();
    let mut kept = MsFlags::MS_NOSUID;
    for (is, flag) in [
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        if found.contains(is) {
            kept |= flag;
        }
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | kept | flags;
    mount(None::<&str>, target, None::<&str>, flags, None::<&str>)
        .with_context(|| format!("set the mount flags of {}", target.display()))
}

/// Makes a folder or an empty file to mount `source` on.
fn make_target(source: &Path, target: &Path) -> Result<()> {
    if target.exists() {
        return Ok(());
    }
    let found = fs::metadata(source).with_context(|| format!("{} does not exist", source.display()))?;
    if found.is_dir() {
        fs::create_dir_all(target)?;
        return Ok(());
    }
    let Some(parent) = target.parent() else {
        bail!("{} has no parent", target.display())
    };
    fs::create_dir_all(parent)?;
    fs::File::create(target)?;
    Ok(())
}
