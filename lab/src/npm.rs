//! Packages from npm, pinned by the lock files beside this crate.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Installs what a folder of the lab locks, once, through the user's own npm; answers where `package` is. Nothing of it
/// runs while it is installed, and of several who ask at once one installs.
///
/// # Errors
///
/// npm is missing or fails; the text holds what it said.
pub fn npm_ci(folder: &str, package: &str) -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let installed = folder.join("node_modules").join(package);
    let locked = folder.join("package-lock.json");
    let lock = File::open(&locked).with_context(|| format!("reading {}", locked.display()))?;
    lock.lock().context("waiting for another npm")?;
    // npm writes this file last.
    if folder.join("node_modules/.package-lock.json").is_file() && installed.join("package.json").is_file() {
        return Ok(installed);
    }
    eprintln!("installing {package} with npm (once)");
    let ended = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output()
        .context("cannot run npm; install Node.js 20 or newer with npm")?;
    ensure!(
        ended.status.success(),
        "npm could not install {package}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(installed)
}
