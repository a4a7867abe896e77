//! The real Codex CLI, as its npm package brings it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::npm::npm_ci;

/// Where the pinned package keeps the programs of this platform, below `node_modules`.
const VENDORS: [&str; 2] = [
    "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl",
    "@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl",
];

/// What the runner's image holds of it.
const FILES: [&str; 4] = [
    "bin/codex",
    "bin/codex-code-mode-host",
    "codex-path/rg",
    "codex-package.json",
];
const ABSENT: &str =
    "#!/bin/sh\necho 'the Codex CLI is not installed; run `make demo AGENT=codex`' >&2\nexit 127\n";

/// The folder of the installed CLI, if it is there.
fn installed() -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/codex/node_modules");
    VENDORS
        .iter()
        .map(|vendor| modules.join(vendor))
        .find(|folder| folder.join("bin/codex").is_file())
}

/// Fetches the CLI with npm, once, and shows it to the lab in this folder: each container that starts from now on has it.
///
/// # Errors
///
/// npm cannot fetch it.
pub fn install_codex(lab: &Path) -> anyhow::Result<()> {
    npm_ci("npm/codex", "@openai/codex")?;
    show(lab)?;
    Ok(())
}

/// Answers the path that stands for the CLI in the runner's image. It leads to the CLI once that is installed, until then
/// to programs that say what to do.
pub(crate) fn show(lab: &Path) -> anyhow::Result<PathBuf> {
    let shown = lab.join("codex");
    let target = match installed() {
        Some(folder) => folder,
        None => absent(lab)?,
    };
    let beside = lab.join("codex.new");
    let _ = fs::remove_file(&beside);
    symlink(&target, &beside)
        .and_then(|()| fs::rename(&beside, &shown))
        .with_context(|| format!("linking {}", shown.display()))?;
    Ok(shown)
}

fn absent(lab: &Path) -> anyhow::Result<PathBuf> {
    let folder = lab.join("no-codex");
    for file in FILES.map(|file| folder.join(file)) {
        let parent = file.parent().unwrap_or(&folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&file, ABSENT))
            .with_context(|| format!("writing {}", file.display()))?;
        // Read in containers, by other users.
        for path in [folder.as_path(), parent, &file] {
            fs::set_permissions(path, Permissions::from_mode(0o755))?;
        }
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_cli_its_programs_say_what_to_do() {
        let lab = tempfile::tempdir().expect("a folder");
        let folder = absent(lab.path()).expect("made");
        for file in FILES {
            let mode = fs::metadata(folder.join(file))
                .expect("there")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o755, "{file}");
        }
        let said = std::process::Command::new(folder.join("bin/codex"))
            .output()
            .expect("it runs");
        assert_eq!(said.status.code(), Some(127));
        assert!(String::from_utf8_lossy(&said.stderr).contains("make demo AGENT=codex"));
    }

    #[test]
    fn what_is_shown_can_be_shown_again() {
        let lab = tempfile::tempdir().expect("a folder");
        let shown = show(lab.path()).expect("shown");
        assert_eq!(show(lab.path()).expect("shown again"), shown);
        assert!(shown.join("bin/codex").is_file());
    }
}
