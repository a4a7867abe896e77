//! Packages for Python, pinned by hashes.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tokio::process::Command;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/requirements.txt");

/// Installs what the lock file names into a folder, once, through the user's own pip; answers the folder.
///
/// # Errors
///
/// pip is missing or fails; the text holds what it said.
pub(super) async fn install(target: &Path) -> anyhow::Result<PathBuf> {
    let folder = target.join("python");
    let kept = folder.join("requirements.txt");
    if std::fs::read(&kept).ok() == Some(std::fs::read(REQUIREMENTS)?) {
        return Ok(folder);
    }
    eprintln!("installing fastmcp with pip (once)");
    let _ = std::fs::remove_dir_all(&folder);
    let ended = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ])
        .args([
            "--root-user-action=ignore",
            "--require-hashes",
            "--no-deps",
            "--only-binary=:all:",
            "--target",
        ])
        .arg(&folder)
        .args(["-r", REQUIREMENTS])
        .output()
        .await
        .context("cannot run python3; install Python 3.11 or newer with pip")?;
    ensure!(
        ended.status.success(),
        "pip could not install fastmcp: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    std::fs::copy(REQUIREMENTS, &kept)?;
    Ok(folder)
}

/// The version of a package as the lock file has it.
pub(super) fn version(package: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(REQUIREMENTS)?;
    let pinned = text
        .lines()
        .find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
    let version = pinned.and_then(|rest| rest.split(' ').next());
    version
        .map(str::to_owned)
        .with_context(|| format!("{package} is not pinned"))
}
