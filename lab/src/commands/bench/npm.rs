//! Versions of packages from npm.

use std::path::Path;

use anyhow::Context;

/// The version of an installed package.
pub(super) fn version(package: &Path) -> anyhow::Result<String> {
    let file = package.join("package.json");
    let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    let manifest: serde_json::Value = serde_json::from_slice(&text)?;
    Ok(manifest["version"].as_str().unwrap_or("unknown").to_owned())
}
