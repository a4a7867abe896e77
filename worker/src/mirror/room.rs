//! How much room mirrors take, and who has to go.

use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Bytes of all files beneath a folder; what vanishes meanwhile counts nothing.
pub(super) fn bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let of_entry = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of_entry).sum()
}

/// How many packs a mirror has gathered.
pub(super) fn packs(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir.join("objects/pack"));
    let is_pack = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|it| it == "pack");
    entries.into_iter().flatten().flatten().filter(is_pack).count()
}

/// Removes the mirrors that were not fetched for longest, but not `kept`, until the others leave half of the room.
pub(super) fn make(dir: &Path, kept: &Path, most: u64) -> io::Result<()> {
    let mut mirrors = Vec::new();
    for entry in std::fs::read_dir(dir)?.flatten() {
        let path = entry.path();
        if path != kept && path.is_dir() {
            // A fetch writes there, whatever it brings.
            let used = std::fs::metadata(path.join("objects/pack")).and_then(|about| about.modified());
            mirrors.push((used.unwrap_or(SystemTime::UNIX_EPOCH), bytes(&path), path));
        }
    }
    mirrors.sort();
    let mut all: u64 = mirrors.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in mirrors {
        if all <= most {
            break;
        }
        remove(&path)?;
        all -= bytes;
    }
    Ok(())
}

/// Removes what a worker that was killed left half done. Where a git of it still writes, it stays until the next start.
pub(super) fn tidy(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let extension = path.extension().unwrap_or_default();
        if extension == "fresh" {
            if let Err(error) = remove(&path) {
                tracing::warn!(%error, "an unfinished copy of a repository could not be removed");
            }
        } else if extension == "sock" {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Removes a folder that may not be there.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
