//! From a container's description to what a launcher needs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Node;
use super::env::{self, Env};
use super::image::Image;
use crate::object::{flag, integer, list, name, text};
use crate::sandbox::Isolation;
use crate::sandbox::spec::{Mount, Program, Spec, User};
use crate::store::State;

/// Why a container waits: a reason as clients know it, and words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Waiting {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    fn config(message: impl Into<String>) -> Self {
        Self::new("CreateContainerConfigError", message)
    }
}

/// The folders of one pod on this host.
#[derive(Debug, Clone)]
pub(super) struct PodFolder {
    pub(super) path: PathBuf,
    pub(super) volumes: Vec<(String, PathBuf)>,
}

impl PodFolder {
    /// The file in which a container may leave its last words.
    pub(super) fn termination(&self, container: &str) -> PathBuf {
        self.path.join("termination").join(container)
    }
}

/// Gives all a launcher needs to start `container`.
pub(super) fn spec(
    node: &Node,
    state: &State,
    pod: &Value,
    container: &Value,
    folder: &PodFolder,
) -> Result<Spec, Waiting> {
    let wanted = text(container, "/image");
    let image = node
        .images
        .iter()
        .find(|image| image.fits(wanted))
        .ok_or_else(|| {
            Waiting::new(
                "ErrImagePull",
                format!("image \"{wanted}\" is not among the simulator's images"),
            )
        })?;
    let env = env::build(state, pod, container, &image.env).map_err(Waiting::config)?;
    let user = user(pod, container)?;
    let mounts = mounts(pod, container, image, folder)?;
    let program = Program {
        argv: argv(container, image, &env)?,
        env: env.into_iter().collect(),
        directory: PathBuf::from(match text(container, "/workingDir") {
            "" => "/",
            folder => folder,
        }),
    };
    let scratch = folder.path.join("root").join(text(container, "/name"));
    fs::create_dir_all(&scratch).map_err(|error| Waiting::config(error.to_string()))?;
    let spec = Spec {
        isolation: node.isolation,
        scratch,
        mounts,
        read_only_root: flag(container, "/securityContext/readOnlyRootFilesystem"),
        hostname: name(pod).chars().take(63).collect(),
        user,
        program,
        cgroup: None,
    };
    Ok(if node.isolation == Isolation::None {
        plain(spec)
    } else {
        spec
    })
}

fn argv(container: &Value, image: &Image, env: &Env) -> Result<Vec<String>, Waiting> {
    let words = |pointer: &str| -> Vec<String> {
        list(container, pointer)
            .iter()
            .filter_map(Value::as_str)
            .map(|word| env::expand(word, env))
            .collect()
    };
    let mut argv = words("/command");
    if argv.is_empty() {
        argv.clone_from(&image.entrypoint);
    }
    argv.extend(words("/args"));
    if argv.is_empty() {
        return Err(Waiting::new(
            "CreateContainerError",
            "no command specified, by the container or its image",
        ));
    }
    Ok(argv)
}

fn user(pod: &Value, container: &Value) -> Result<User, Waiting> {
    let of = |field: &str| {
        let own = container["securityContext"].get(field);
        own.or_else(|| pod["spec"]["securityContext"].get(field))
            .filter(|value| !value.is_null())
    };
    let number = |field: &str| {
        of(field)
            .and_then(Value::as_u64)
            .and_then(|number| u32::try_from(number).ok())
    };
    let uid = number("runAsUser").unwrap_or(0);
    if uid == 0 && of("runAsNonRoot") == Some(&Value::Bool(true)) {
        let why = format!(
            "container has runAsNonRoot and image will run as root (pod: \"{}\", container: {})",
            name(pod),
            text(container, "/name")
        );
        return Err(Waiting::config(why));
    }
    let mut groups: Vec<u32> = list(pod, "/spec/securityContext/supplementalGroups")
        .iter()
        .filter_map(|group| u32::try_from(group.as_u64()?).ok())
        .collect();
    groups.extend(integer(pod, "/spec/securityContext/fsGroup").and_then(|group| u32::try_from(group).ok()));
    Ok(User {
        uid,
        gid: number("runAsGroup").unwrap_or(0),
        groups,
    })
}

fn mounts(pod: &Value, container: &Value, image: &Image, folder: &PodFolder) -> Result<Vec<Mount>, Waiting> {
    let mut mounts: Vec<Mount> = image
        .binds
        .iter()
        .map(|(source, target)| Mount {
            source: source.clone(),
            target: target.clone(),
            read_only: true,
        })
        .collect();
    for mount in list(container, "/volumeMounts") {
        let volume = text(mount, "/name");
        let Some((_, path)) = folder.volumes.iter().find(|(name, _)| name == volume) else {
            return Err(Waiting::config(format!("volume \"{volume}\" is not there")));
        };
        let is_written_by_us = list(pod, "/spec/volumes")
            .iter()
            .any(|source| text(source, "/name") == volume && source.get("emptyDir").is_none());
        mounts.push(Mount {
            source: sub_path(path, text(mount, "/subPath")).map_err(Waiting::config)?,
            target: PathBuf::from(text(mount, "/mountPath")),
            read_only: flag(mount, "/readOnly") || is_written_by_us,
        });
    }
    let file = folder.termination(text(container, "/name"));
    let target = PathBuf::from(text(container, "/terminationMessagePath"));
    let is_in_volume = list(container, "/volumeMounts")
        .iter()
        .any(|mount| target.starts_with(text(mount, "/mountPath")));
    if !is_in_volume {
        mounts.push(Mount {
            source: file,
            target,
            read_only: false,
        });
    }
    Ok(mounts)
}

/// Gives the place in a volume that a mount names. Links may not lead out of the volume: a container could have laid them.
fn sub_path(volume: &Path, sub_path: &str) -> Result<PathBuf, String> {
    if sub_path.is_empty() {
        return Ok(volume.to_owned());
    }
    let path = volume.join(sub_path);
    if fs::symlink_metadata(&path).is_err() {
        fs::create_dir_all(&path).map_err(|error| error.to_string())?;
    }
    let real = fs::canonicalize(&path).map_err(|error| error.to_string())?;
    let inside = fs::canonicalize(volume).is_ok_and(|volume| real.starts_with(volume));
    if inside {
        Ok(real)
    } else {
        Err(format!("subPath {sub_path:?} leads out of its volume"))
    }
}

/// Rewrites paths below mounts to where they lie on the host: the fallback of a host that cannot keep containers apart.
fn plain(mut spec: Spec) -> Spec {
    let mut mounts = spec.mounts.clone();
    mounts.sort_by_key(|mount| std::cmp::Reverse(mount.target.as_os_str().len()));
    let rewrite = |text: &str| {
        mounts.iter().fold(text.to_owned(), |text, mount| {
            replace_path(
                &text,
                &mount.target.to_string_lossy(),
                &mount.source.to_string_lossy(),
            )
        })
    };
    spec.program.argv = spec.program.argv.iter().map(|word| rewrite(word)).collect();
    spec.program.env = spec
        .program
        .env
        .iter()
        .map(|(key, value)| (key.clone(), rewrite(value)))
        .collect();
    spec.program.directory = PathBuf::from(rewrite(&spec.program.directory.to_string_lossy()));
    spec
}

/// Replaces `path` where it stands as a whole path or as the start of one.
fn replace_path(text: &str, path: &str, by: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
    let mut result = String::new();
    let mut rest = text;
    while let Some(index) = rest.find(path) {
        let (before, found) = rest.split_at(index);
        let after = &found[path.len()..];
        let starts = before.chars().next_back().is_none_or(|letter| !is_part(letter));
        let ends = after
            .chars()
            .next()
            .is_none_or(|letter| letter == '/' || !is_part(letter));
        result.push_str(before);
        result.push_str(if starts && ends { by } else { path });
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::replace_path;

    #[test]
    fn only_whole_paths_are_rewritten() {
        assert_eq!(
            replace_path("cat /work/x;ls /work", "/work", "/host/v"),
            "cat /host/v/x;ls /host/v"
        );
        assert_eq!(
            replace_path("/workshop /a/work", "/work", "/host/v"),
            "/workshop /a/work"
        );
    }
}
