//! The folder of the Unix socket.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use crate::{Error, Result, error::At, launcher::Launcher};

/// What fits in `sun_path`, without its closing zero.
const PATH_LIMIT: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// A folder that only the server and we may enter.
pub(crate) struct SocketDir(PathBuf);

impl SocketDir {
    /// Makes the folder: in the data folder, or in `temporary` if the path would be too long for a socket. The same data
    /// folder always leads to the same socket, so that a URL stays good over a restart.
    pub(crate) fn ensure(data_dir: &Path, temporary: &Path, launcher: &Launcher) -> Result<Self> {
        let path = place(data_dir, temporary);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.at("make the folder of the socket", &path)?,
        }
        // In a folder for everyone, someone else may have made it first, to sit between us and the server.
        let found = fs::symlink_metadata(&path).at("look at", &path)?;
        let is_ours = found.uid() == geteuid().as_raw() || found.uid() == launcher.owner();
        if !found.is_dir() || !is_ours {
            return Err(Error::NotAllowed {
                doing: "use for the socket".to_owned(),
                path,
            });
        }
        launcher.give(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        // Only an empty folder goes: a socket in it says that a server still runs.
        let _used_again = fs::remove_dir(&self.0);
    }
}

/// Chooses the folder: beside the cluster where possible, else a short name made from it.
fn place(data_dir: &Path, temporary: &Path) -> PathBuf {
    let beside = data_dir.join("socket");
    let bytes = beside.as_os_str().as_bytes();
    let longest_name = "/.s.PGSQL.65535".len();
    // PostgreSQL reads the setting as a list, in which these two have a meaning.
    let is_plain = !bytes.iter().any(|byte| b",\"".contains(byte));
    if is_plain && bytes.len() + longest_name <= PATH_LIMIT {
        return beside;
    }
    let hash = hex::encode(Sha256::digest(data_dir.as_os_str().as_bytes()));
    temporary.join(format!("pg-{}", &hash[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_never_exceeds_what_the_kernel_takes() {
        let place = |data_dir: &str| place(Path::new(data_dir), Path::new("/tmp"));
        assert_eq!(
            place("/home/ada/project/.lab"),
            Path::new("/home/ada/project/.lab/socket")
        );
        for data_dir in ["/long".repeat(30), "/a,b".to_owned()] {
            let found = place(&data_dir);
            assert!(
                found.starts_with("/tmp") && found.as_os_str().len() < 40,
                "{}",
                found.display()
            );
            assert_eq!(found, place(&data_dir), "a restart must find it again");
        }
        assert_ne!(place("/a,b"), place("/a,c"));
    }
}
