//! As whom the server runs, because PostgreSQL refuses to run as root.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, lchown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::unistd::{User, geteuid};

use crate::{Environment, Error, Result, error::At, installation::Installation, program};

/// The way programs of PostgreSQL are started.
pub(crate) struct Launcher {
    identity: Identity,
    /// Where it exists, the kernel ends the server when the thread that started it ends.
    setpriv: Option<PathBuf>,
}

#[derive(Clone)]
enum Identity {
    /// Ours: we are not root.
    Own,
    /// A user namespace in which root is called `nobody` and has no capabilities: files stay root's, and work under
    /// a home folder that nobody else may enter.
    Namespace { unshare: PathBuf },
    /// Another user, to whom the cluster is given; for systems that forbid user namespaces.
    Other { name: String, uid: u32, gid: u32 },
}

impl Launcher {
    /// Tries the ways in order, with the server's own `--version`, and takes the first that works.
    pub(crate) fn choose(installation: &Installation, environment: &Environment) -> Result<Self> {
        let setpriv = environment
            .program("setpriv")
            .filter(|_| cfg!(target_os = "linux"));
        let postgres = installation.program("postgres");
        let mut told = String::new();
        for identity in identities(environment)? {
            // Without `setpriv` at last: that of a small system may not know the option.
            for setpriv in [setpriv.clone(), None] {
                let launcher = Self {
                    identity: identity.clone(),
                    setpriv,
                };
                match program::run(
                    launcher.command(&postgres).arg("--version"),
                    Duration::from_secs(10),
                ) {
                    Ok(answer) if answer.success => return Ok(launcher),
                    Ok(answer) => told = program::last_words(&answer.stderr),
                    Err(error) => told = error.to_string(),
                }
            }
            identity.may_reach(&postgres)?;
        }
        Err(Error::ServerBroken {
            postgres,
            detail: told,
        })
    }

    /// Prepares a program with an empty environment: ours may hold secrets.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut words: Vec<&Path> = Vec::new();
        if let Identity::Namespace { unshare } = &self.identity {
            // `initdb` wants a name for its user id, and every distribution has `nobody` at 65534.
            let options = ["--user", "--map-user=65534", "--map-group=65534", "--"];
            words.push(unshare);
            words.extend(options.map(Path::new));
        }
        if let Some(setpriv) = &self.setpriv {
            words.push(setpriv);
            // Last before the server: a change of user would clear it.
            words.extend(["--pdeathsig", "INT", "--"].map(Path::new));
        }
        words.push(program);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/");
        if let Identity::Other { uid, gid, .. } = self.identity {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a file, or a folder with all that is in it, to whom the server runs as. Asking twice changes nothing.
    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        let gid = match &self.identity {
            Identity::Other { gid, .. } => *gid,
            // Back to root, if another start gave it away.
            Identity::Namespace { .. } => 0,
            Identity::Own => return Ok(()),
        };
        self.identity.may_reach(path)?;
        let owner = fs::symlink_metadata(path).at("look at", path)?.uid();
        if owner == self.owner() {
            return Ok(());
        }
        give_tree(path, self.owner(), gid).at("change the owner of", path)
    }

    /// Returns the user id that the files of the server have, seen from here.
    pub(crate) fn owner(&self) -> u32 {
        match self.identity {
            Identity::Other { uid, .. } => uid,
            Identity::Own | Identity::Namespace { .. } => geteuid().as_raw(),
        }
    }
}

impl Identity {
    /// Refuses a path below a folder that another user may not enter.
    fn may_reach(&self, path: &Path) -> Result<()> {
        let Self::Other { name, uid, .. } = self else {
            return Ok(());
        };
        let closed = path.ancestors().skip(1).find(|folder| {
            folder
                .metadata()
                .is_ok_and(|it| it.mode() & 0o001 == 0 && it.uid() != *uid)
        });
        match closed {
            Some(folder) => Err(Error::FolderClosed {
                folder: folder.to_owned(),
                user: name.clone(),
            }),
            None => Ok(()),
        }
    }
}

fn identities(environment: &Environment) -> Result<Vec<Identity>> {
    if !geteuid().is_root() {
        return Ok(vec![Identity::Own]);
    }
    let unshare = environment
        .program("unshare")
        .filter(|_| cfg!(target_os = "linux"));
    let namespace = unshare.map(|unshare| Identity::Namespace { unshare });
    let other = ["postgres", "nobody"].into_iter().find_map(|name| {
        let user = User::from_name(name).ok().flatten()?;
        Some(Identity::Other {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    });
    let found: Vec<_> = namespace.into_iter().chain(other).collect();
    if found.is_empty() {
        Err(Error::RootRefused)
    } else {
        Ok(found)
    }
}

fn give_tree(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            give_tree(&entry?.path(), uid, gid)?;
        }
    }
    // The top comes last: its owner says that all below it are done.
    lchown(path, Some(uid), Some(gid))
}
