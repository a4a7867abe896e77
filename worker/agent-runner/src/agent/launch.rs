//! How the agent's program is started: a step in between sets what a program inherits.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::SigSet;

/// The kernel ends a process with this adjustment before any other of the container (`proc(5)`): where it does not end
/// all of them, the server stays and hands the work over.
const FIRST_TO_GO: &str = "1000";

/// Turns this process into the program; returns only to say why that failed.
pub fn become_program(argv: &[OsString]) -> anyhow::Error {
    // The server blocks SIGTERM to read who sent it; a program is to end by it.
    let _ = SigSet::all().thread_unblock();
    // Not allowed everywhere, and no reason not to start.
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    let Some((program, arguments)) = argv.split_first() else {
        return anyhow::anyhow!("an empty argument vector");
    };
    let error = Command::new(program).args(arguments).exec();
    anyhow::Error::new(error).context(format!("failed to start {}", program.display()))
}

/// Whether there is such a program: a path from `folder` if it has a slash, else a name on the search path.
pub(super) fn exists(program: &str, search_path: &OsStr, folder: &Path) -> bool {
    let runs = |file: &Path| {
        fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return runs(&folder.join(program));
    }
    std::env::split_paths(search_path).any(|place| runs(&folder.join(place).join(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, mode) in [("tool", 0o755), ("text", 0o644)] {
            let file = folder.path().join(name);
            fs::write(&file, "").expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("changed");
        }
        let path = folder.path().as_os_str();
        let found = |program: &str| exists(program, path, folder.path());
        assert!(found("tool") && found("./tool") && found("/bin/sh"));
        assert!(!found("text") && !found("absent") && !found("/no/such/program"));
    }
}
