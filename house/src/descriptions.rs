//! One folder of descriptions against another.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, ensure};

/// What makes a folder what it should be; names of files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    total: usize,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, changed, removed) = (self.added.len(), self.changed.len(), self.removed.len());
        write!(
            f,
            "{} queries: {added} new, {changed} changed, {removed} gone",
            self.total
        )
    }
}

/// What `there` lacks to be `fresh`.
pub(crate) fn compare(fresh: &Path, there: &Path) -> anyhow::Result<Changes> {
    let fresh = read(fresh)?;
    ensure!(
        !fresh.is_empty(),
        "nothing was described: does the command compile every query?"
    );
    let there = read(there)?;
    let mut changes = Changes {
        total: fresh.len(),
        ..Changes::default()
    };
    for (name, text) in &fresh {
        match there.get(name) {
            None => changes.added.push(name.clone()),
            Some(old) if old != text => changes.changed.push(name.clone()),
            Some(_) => {}
        }
    }
    changes.removed = there
        .into_keys()
        .filter(|name| !fresh.contains_key(name))
        .collect();
    Ok(changes)
}

/// Carries the changes out.
pub(crate) fn write(changes: &Changes, fresh: &Path, there: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(there).with_context(|| format!("cannot make {}", there.display()))?;
    for name in changes.added.iter().chain(&changes.changed) {
        fs::copy(fresh.join(name), there.join(name)).with_context(|| format!("cannot write {name}"))?;
    }
    for name in &changes.removed {
        fs::remove_file(there.join(name)).with_context(|| format!("cannot remove {name}"))?;
    }
    Ok(())
}

/// The descriptions in a folder; none if it is not there.
fn read(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other.with_context(|| format!("cannot list {}", folder.display()))?,
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("query-") && path.extension() == Some("json".as_ref()) {
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_what_was_described() {
        let (fresh, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let there_folder = there.path().join("descriptions");
        for (name, text) in [("query-1.json", "a"), ("query-2.json", "b"), ("notes.txt", "n")] {
            fs::write(fresh.path().join(name), text).unwrap();
        }
        let changes = compare(fresh.path(), &there_folder).unwrap();
        assert_eq!(changes.to_string(), "2 queries: 2 new, 0 changed, 0 gone");
        write(&changes, fresh.path(), &there_folder).unwrap();
        assert!(compare(fresh.path(), &there_folder).unwrap().is_empty());

        fs::write(there_folder.join("query-1.json"), "old").unwrap();
        fs::write(there_folder.join("query-3.json"), "old").unwrap();
        let changes = compare(fresh.path(), &there_folder).unwrap();
        assert_eq!(changes.to_string(), "2 queries: 0 new, 1 changed, 1 gone");
        write(&changes, fresh.path(), &there_folder).unwrap();
        assert!(compare(fresh.path(), &there_folder).unwrap().is_empty());
        assert!(
            compare(there.path(), &there_folder).is_err(),
            "nothing described is no answer"
        );
    }
}
