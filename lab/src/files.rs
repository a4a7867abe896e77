//! Files that hold secrets: for their owner alone.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;

/// Makes a folder for its owner alone, if it is not there.
pub(crate) fn private_dir(dir: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the folder {}", dir.display()))
}

/// Writes a file for its owner alone; a reader sees the old or the new content, never half of one.
pub(crate) fn write_private(file: &Path, content: &str) -> anyhow::Result<()> {
    let beside = file.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut open = std::fs::OpenOptions::new();
    let mut new = open
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .with_context(|| format!("cannot write {}", beside.display()))?;
    new.write_all(content.as_bytes())?;
    std::fs::rename(&beside, file).with_context(|| format!("cannot write {}", file.display()))
}

/// Reads a secret, making it at the first time.
pub(crate) fn secret(file: &Path, make: impl FnOnce() -> String) -> anyhow::Result<String> {
    if let Ok(there) = std::fs::read_to_string(file) {
        return Ok(there.trim().to_owned());
    }
    let new = make();
    write_private(file, &new)?;
    Ok(new)
}
