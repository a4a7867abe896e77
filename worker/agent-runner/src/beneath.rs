//! Regular files beneath a folder, reached without following any link.
//!
//! Used wherever a path was chosen by somebody else. Each component is opened relative to the one before with
//! `O_NOFOLLOW`, so a link put there at any moment is refused; `openat2` would do it in one call, but sandboxed kernels
//! lack it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

/// Reads a regular file of at most `max_bytes` beneath `root`.
///
/// # Errors
///
/// `NotFound`; `PermissionDenied` for a link, a special file or a path that leaves `root`; `FileTooLarge`.
pub(crate) fn read(root: &Path, path: &str, max_bytes: u64) -> io::Result<Vec<u8>> {
    let (folder, name) = open_parent(root, path)?;
    // O_NONBLOCK: opening a named pipe must not wait for its writer.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = File::from(openat(&folder, name.as_os_str(), flags, Mode::empty()).map_err(refused)?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(denied("not a regular file"));
    }
    if meta.len() > max_bytes {
        return Err(too_large(max_bytes));
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(too_large(max_bytes));
    }
    Ok(bytes)
}

/// Creates (or empties) a file of mode 0600 beneath `root`, its folders included.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn create(root: &Path, path: &str) -> io::Result<File> {
    let components = split(path)?;
    let (name, folders) = components.split_last().ok_or_else(|| denied("an empty path"))?;
    let mut so_far = root.to_path_buf();
    let mut folder = open_folder(root)?;
    for part in folders {
        so_far.push(part);
        match nix::sys::stat::mkdirat(&folder, part.as_os_str(), Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
        folder = step(&folder, part.as_os_str())?;
    }
    // O_NONBLOCK: opening a named pipe must not wait for its reader.
    let how = OFlag::O_TRUNC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | how;
    let file = openat(&folder, name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR).map_err(refused)?;
    Ok(File::from(file))
}

/// Resolves a folder name below `root` without touching the disk.
///
/// # Errors
///
/// `PermissionDenied` if the path would leave `root`.
pub(crate) fn join(root: &Path, path: &str) -> io::Result<PathBuf> {
    Ok(split(path)?
        .into_iter()
        .fold(root.to_path_buf(), |whole, part| whole.join(part)))
}

fn open_parent(root: &Path, path: &str) -> io::Result<(OwnedFd, PathBuf)> {
    let components = split(path)?;
    let (name, folders) = components.split_last().ok_or_else(|| denied("an empty path"))?;
    let mut folder = open_folder(root)?;
    for part in folders {
        folder = step(&folder, part.as_os_str())?;
    }
    Ok((folder, name.clone()))
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open(path, flags, Mode::empty())?)
}

fn step(folder: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(folder, name, flags, Mode::empty()).map_err(refused)
}

fn split(path: &str) -> io::Result<Vec<PathBuf>> {
    Path::new(path)
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| match part {
            Component::Normal(name) => Ok(PathBuf::from(name)),
            _ => Err(denied("the path leaves its folder")),
        })
        .collect()
}

fn refused(error: Errno) -> io::Error {
    match error {
        Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO => denied("a link or special file is in the way"),
        other => other.into(),
    }
}

fn denied(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

fn too_large(max_bytes: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("larger than {max_bytes} bytes"),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_beneath_the_root_are_read() {
        let outside = tempfile::tempdir().expect("a folder");
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(outside.path().join("secret"), "canary").expect("written");
        std::fs::create_dir(root.path().join("folder")).expect("made");
        std::fs::write(root.path().join("folder/plain"), "fine").expect("written");
        symlink(outside.path().join("secret"), root.path().join("file-link")).expect("linked");
        symlink(outside.path(), root.path().join("folder-link")).expect("linked");
        nix::unistd::mkfifo(&root.path().join("pipe"), Mode::S_IRWXU).expect("made");

        let kind = |path: &str| read(root.path(), path, 100).map_err(|error| error.kind());
        assert_eq!(kind("folder/plain").as_deref(), Ok(b"fine".as_slice()));
        for path in [
            "file-link",
            "folder-link/secret",
            "../secret",
            "/etc/passwd",
            "pipe",
            "folder",
            "",
        ] {
            assert_eq!(kind(path), Err(io::ErrorKind::PermissionDenied), "{path}");
        }
        assert_eq!(kind("absent"), Err(io::ErrorKind::NotFound));
        let small = read(root.path(), "folder/plain", 3).map_err(|error| error.kind());
        assert_eq!(small, Err(io::ErrorKind::FileTooLarge));
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let outside = tempfile::tempdir().expect("a folder");
        let root = tempfile::tempdir().expect("a folder");
        symlink(outside.path(), root.path().join("link")).expect("linked");
        assert!(create(root.path(), "link/file").is_err());
        nix::unistd::mkfifo(&root.path().join("pipe"), Mode::S_IRWXU).expect("made");
        assert!(create(root.path(), "pipe").is_err());
        create(root.path(), "made/on/the/way").expect("created");
        assert!(root.path().join("made/on/the/way").is_file());
        assert_eq!(std::fs::read_dir(outside.path()).expect("readable").count(), 0);
    }
}
