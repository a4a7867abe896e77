//! A pod's volumes: folders of the host that only its containers see.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, chown, geteuid};
use serde_json::Value;

use super::env::{Result, data, field};
use crate::kinds::named;
use crate::object::{flag, integer, list, namespace, text};
use crate::store::State;

/// What one volume holds.
enum Content {
    /// Written by the containers.
    Empty,
    /// Written by the kubelet: path, bytes, mode.
    Files(Vec<(String, Vec<u8>, u32)>),
}

/// Makes all volumes of a pod; asking again writes the same files.
///
/// # Errors
///
/// What is missing, for a `FailedMount` event; trying later may help.
pub(super) fn prepare(state: &State, pod: &Value, folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let group = integer(pod, "/spec/securityContext/fsGroup").and_then(|group| u32::try_from(group).ok());
    let mut made = Vec::new();
    for volume in list(pod, "/spec/volumes") {
        let name = text(volume, "/name");
        let path = folder.join(name);
        let content = content(state, pod, volume)
            .map_err(|why| format!("MountVolume.SetUp failed for volume \"{name}\": {why}"))?;
        write(&path, &content, group).map_err(|error| format!("volume \"{name}\": {error}"))?;
        made.push((name.to_owned(), path));
    }
    Ok(made)
}

fn content(state: &State, pod: &Value, volume: &Value) -> Result<Content> {
    if volume.get("emptyDir").is_some() {
        return Ok(Content::Empty);
    }
    for (key, kind) in [("secret", "Secret"), ("configMap", "ConfigMap")] {
        if let Some(source) = volume.get(key) {
            let mode = mode(source, 0o644);
            return Ok(Content::Files(keys(state, kind, namespace(pod), source, mode)?));
        }
    }
    if let Some(source) = volume.get("downwardAPI") {
        return Ok(Content::Files(downward(pod, source, mode(source, 0o644))?));
    }
    if let Some(projected) = volume.get("projected") {
        let mode = mode(projected, 0o644);
        let mut files = Vec::new();
        for source in list(projected, "/sources") {
            if let Some(secret) = source.get("secret") {
                files.extend(keys(state, "Secret", namespace(pod), secret, mode)?);
            } else if let Some(map) = source.get("configMap") {
                files.extend(keys(state, "ConfigMap", namespace(pod), map, mode)?);
            } else if let Some(fields) = source.get("downwardAPI") {
                files.extend(downward(pod, fields, mode)?);
            } else {
                return Err("the simulator projects secrets, config maps and fields only".to_owned());
            }
        }
        return Ok(Content::Files(files));
    }
    let kinds: Vec<&String> = volume
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
        .filter(|key| *key != "name")
        .collect();
    Err(format!(
        "volumes of type {kinds:?} are not offered by the simulator"
    ))
}

fn mode(source: &Value, otherwise: u32) -> u32 {
    let mode = integer(source, "/defaultMode").or_else(|| integer(source, "/mode"));
    mode.and_then(|mode| u32::try_from(mode).ok())
        .unwrap_or(otherwise)
}

fn keys(
    state: &State,
    kind: &str,
    space: &str,
    source: &Value,
    default_mode: u32,
) -> Result<Vec<(String, Vec<u8>, u32)>> {
    let Some(data) = data(state, named(kind), space, source)? else {
        return Ok(Vec::new());
    };
    let items = list(source, "/items");
    if items.is_empty() {
        return Ok(data
            .into_iter()
            .map(|(key, value)| (key, value, default_mode))
            .collect());
    }
    let data: BTreeMap<String, Vec<u8>> = data;
    let mut files = Vec::new();
    for item in items {
        let key = text(item, "/key");
        match data.get(key) {
            Some(value) => {
                files.push((
                    text(item, "/path").to_owned(),
                    value.clone(),
                    mode(item, default_mode),
                ));
            }
            None if flag(source, "/optional") => {}
            None => return Err(format!("references non-existent key: {key}")),
        }
    }
    Ok(files)
}

fn downward(pod: &Value, source: &Value, default_mode: u32) -> Result<Vec<(String, Vec<u8>, u32)>> {
    list(source, "/items")
        .iter()
        .map(|item| {
            let value = field(pod, text(item, "/fieldRef/fieldPath"))?;
            Ok((
                text(item, "/path").to_owned(),
                value.into_bytes(),
                mode(item, default_mode),
            ))
        })
        .collect()
}

fn write(path: &Path, content: &Content, group: Option<u32>) -> std::io::Result<()> {
    fs::create_dir_all(path)?;
    match content {
        Content::Empty => {
            own(path, group)?;
            // Set-group-id: what one container makes there belongs to the pod's group.
            let mode = if group.is_some() { 0o2777 } else { 0o777 };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }
        Content::Files(files) => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
            for (name, bytes, mode) in files {
                file(path, name, bytes, *mode, group)?;
            }
            Ok(())
        }
    }
}

fn file(folder: &Path, name: &str, bytes: &[u8], mode: u32, group: Option<u32>) -> std::io::Result<()> {
    if name.starts_with('/') || name.split('/').any(|part| part == "..") {
        return Err(std::io::Error::other("a file's path must stay inside its volume"));
    }
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Its own file first, so that nobody reads it half written or with the wrong mode.
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, b"")?;
    own(&fresh, group)?;
    // As on a real node: with a group, its members may read whatever the mode says.
    let mode = if group.is_some() { mode | 0o440 } else { mode };
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode | 0o200))?;
    fs::write(&fresh, bytes)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode))?;
    fs::rename(&fresh, &path)
}

/// Gives a path to the pod's group; without privileges all belongs to the one user anyway.
fn own(path: &Path, group: Option<u32>) -> std::io::Result<()> {
    match group {
        Some(group) if geteuid().is_root() => Ok(chown(path, None, Some(Gid::from_raw(group)))?),
        _ => Ok(()),
    }
}
