//! Packages from npm, pinned by the lock files beside this crate.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Installs what a folder of the lab locks, once, through the user's own npm; answers where `package` is.
pub(super) fn install(folder: &Path, package: &str) -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let installed = folder.join("node_modules").join(package);
    if installed.join("package.json").is_file() {
        return Ok(installed);
    }
    eprintln!("installing {package} with npm (once)");
    let status = std::process::Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .stdout(std::io::stderr())
        .status()
        .context("cannot run npm; install Node.js 20 or newer with npm")?;
    anyhow::ensure!(status.success(), "npm could not install {package}; see above");
    Ok(installed)
}

/// The version of an installed package.
pub(super) fn version(package: &Path) -> anyhow::Result<String> {
    let file = package.join("package.json");
    let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let manifest: serde_json::Value = serde_json::from_slice(&text)?;
    Ok(manifest["version"].as_str().unwrap_or("unknown").to_owned())
}
