//! Making a new cluster.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::Command,
    time::Duration,
};

use crate::{
    Durability, Error, Result, error::At, folder::DataFolder, installation::Installation, launcher::Launcher,
    program,
};

/// Slow disks under load took ten seconds.
const DEADLINE: Duration = Duration::from_mins(2);

/// Makes the cluster beside its place and renames it, so that one killed half-way is never taken for whole.
pub(crate) fn run(
    folder: &DataFolder,
    installation: &Installation,
    launcher: &Launcher,
    durability: Durability,
) -> Result<()> {
    let fresh = folder.root().join("cluster.new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).at("remove", &fresh)?;
    }
    fs::create_dir(&fresh).at("make", &fresh)?;
    let password_file = folder.password_file();
    write_password(&password_file)?;
    launcher.give(&fresh)?;
    launcher.give(&password_file)?;
    let mut command = launcher.command(&installation.program("initdb"));
    command.arg("-D").arg(&fresh).arg("--pwfile").arg(&password_file);
    // The socket's folder lets in nobody else; over TCP any user of the machine could come.
    command.args([
        "-U",
        "postgres",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "-E",
        "UTF8",
    ]);
    add_locale(&mut command, installation.major);
    if durability == Durability::ThrowAway {
        command.arg("--no-sync");
    }
    let answer = program::run(&mut command, DEADLINE).at("make a cluster in", &fresh)?;
    if !answer.success {
        return Err(failure(&answer.stderr, folder));
    }
    fs::rename(&fresh, folder.cluster()).at("rename the new cluster to", &folder.cluster())
}

/// Chooses a locale that needs nothing of the system and still knows letters beyond ASCII.
fn add_locale(command: &mut Command, major: u32) {
    command.arg("--locale=C");
    if major >= 17 {
        command.args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]);
    } else {
        command.arg(if cfg!(target_os = "macos") {
            "--lc-ctype=en_US.UTF-8"
        } else {
            "--lc-ctype=C.UTF-8"
        });
    }
}

fn write_password(path: &Path) -> Result<()> {
    let mut bytes = [0; 24];
    let source = Path::new("/dev/urandom");
    File::open(source)
        .and_then(|mut random| random.read_exact(&mut bytes))
        .at("read", source)?;
    // Left by a start that was killed half-way; it may belong to another user.
    if path.exists() {
        fs::remove_file(path).at("remove", path)?;
    }
    let mut file = File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .at("write", path)?;
    writeln!(file, "{}", hex::encode(bytes)).at("write", path)
}

fn failure(stderr: &str, folder: &DataFolder) -> Error {
    if stderr.contains("No space left on device") {
        return Error::DiskFull(folder.root().to_owned());
    }
    let detail = format!("initdb failed ({})", program::last_words(stderr));
    Error::StartFailed {
        log: folder.log(),
        detail,
    }
}
