//! The text that is searched: crates as their authors published them, fetched by cargo at the version and the checksum of a lock
//! file, read and cut as the worker does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use orchestrator::knowledge::NewDocument;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use worker::jobs::{Read, read};

const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/corpus/Cargo.toml");

/// A file that was read; its path begins with its crate.
pub(super) struct Source {
    pub(super) krate: String,
    pub(super) document: NewDocument,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

/// The first so many passages, in the order of the list of crates.
pub(super) fn read_first(passages: usize) -> anyhow::Result<Vec<Source>> {
    let text = std::fs::read_to_string(CRATES).with_context(|| format!("reading {CRATES}"))?;
    let folders = fetch()?;
    let (mut sources, mut count) = (Vec::new(), 0);
    for (krate, version) in pinned(&text) {
        let folder = folders.get(&(krate.clone(), version));
        let folder = folder.with_context(|| format!("cargo did not fetch {krate}"))?;
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        for file in files {
            if count >= passages {
                return Ok(sources);
            }
            let document = document(&krate, folder, &file)?;
            count += document.as_ref().map_or(0, |it| it.passages.len());
            sources.extend(document.map(|document| Source {
                krate: krate.clone(),
                document,
            }));
        }
    }
    ensure!(
        count >= passages,
        "the crates have {count} passages, not {passages}"
    );
    Ok(sources)
}

/// What the manifest asks for: `name = { version = "=1.2.3", … }`.
fn pinned(manifest: &str) -> Vec<(String, String)> {
    let lines = manifest.lines();
    lines
        .filter_map(|line| {
            let (name, rest) = line.split_once(" = { version = \"=")?;
            Some((name.to_owned(), rest.split_once('"')?.0.to_owned()))
        })
        .collect()
}

/// Fetches what is missing, and answers where cargo unpacked it.
fn fetch() -> anyhow::Result<BTreeMap<(String, String), PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut line = Command::new(cargo);
    line.args([
        "metadata",
        "--locked",
        "--format-version=1",
        "--manifest-path",
        CRATES,
    ]);
    let answer = line.output().context("cargo metadata")?;
    ensure!(
        answer.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let metadata: Metadata = serde_json::from_slice(&answer.stdout)?;
    let folder = |package: Package| {
        let (plain, _) = package.version.split_once('+').unwrap_or((&package.version, ""));
        let folder = package.manifest_path.parent()?.to_owned();
        Some(((package.name, plain.to_owned()), folder))
    };
    Ok(metadata.packages.into_iter().filter_map(folder).collect())
}

/// All files of Rust and markdown, in the order of their names.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_wanted = path.extension().is_some_and(|it| it == "rs" || it == "md");
        if kind.is_dir() {
            collect(&path, files)?;
        } else if kind.is_file() && is_wanted {
            files.push(path);
        }
    }
    Ok(())
}

fn document(krate: &str, folder: &Path, file: &Path) -> anyhow::Result<Option<NewDocument>> {
    let bytes = std::fs::read(file)?;
    let inside = file
        .strip_prefix(folder)?
        .to_str()
        .context("a path that is text")?;
    let blob = hex::encode(&Sha256::digest(&bytes)[..20]);
    Ok(match read(inside.to_owned(), blob, &bytes) {
        Read::Document(mut document) => {
            document.path = format!("{krate}/{inside}");
            Some(document)
        }
        Read::Skipped(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_pinned_in_order() {
        let manifest = "[package]\nversion = \"0.0.0\"\n[dependencies]\nb = { version = \"=1.0.2\", default-features = false }\n\
                        a = { version = \"=0.3.1\", default-features = false }\n";
        let all = [
            ("b".to_owned(), "1.0.2".to_owned()),
            ("a".to_owned(), "0.3.1".to_owned()),
        ];
        assert_eq!(pinned(manifest), all);
    }
}
