//! What the containers of a runner share, and what they do not.

use k8s_openapi::api::core::v1::{EmptyDirVolumeSource, SecretVolumeSource, Volume, VolumeMount};

use super::mib;
use crate::kubernetes::config::RunnerSizes;

/// Not below `/var/run`: in most images that is a link to `/run`, and the mount would end up inside the control folder.
pub(super) const SECRET_DIR: &str = "/var/secrets/codexk8s";
pub(super) const PRIVATE_DIR: &str = "/var/lib/codexk8s";
pub(super) const CONTROL_DIR: &str = "/run/codexk8s";
pub(super) const WORKSPACE: &str = "/workspace";
pub(super) const TOOLS_DIR: &str = "/opt/codexk8s";
pub(super) const HOME: &str = "/home/agent";

/// A socket and little else; it lies in memory and counts as the supervisor's.
const CONTROL_MIB: u32 = 16;

pub(super) fn volumes(sizes: &RunnerSizes, secret: &str) -> Vec<Volume> {
    let secret = SecretVolumeSource {
        secret_name: Some(secret.to_owned()),
        default_mode: Some(0o440),
        ..SecretVolumeSource::default()
    };
    vec![
        Volume {
            name: "secret".to_owned(),
            secret: Some(secret),
            ..Volume::default()
        },
        folder("control", Some("Memory"), CONTROL_MIB),
        folder("private", None, sizes.private_mib),
        folder("workspace", None, sizes.workspace_mib),
        folder("tools", None, sizes.tools_mib),
        folder("home", None, sizes.agent_home_mib),
        folder("supervisor-tmp", None, sizes.tmp_mib),
        folder("agent-tmp", None, sizes.tmp_mib),
    ]
}

fn folder(name: &str, medium: Option<&str>, size: u32) -> Volume {
    let source = EmptyDirVolumeSource {
        medium: medium.map(ToOwned::to_owned),
        size_limit: Some(mib(size)),
    };
    Volume {
        name: name.to_owned(),
        empty_dir: Some(source),
        ..Volume::default()
    }
}

pub(super) fn install_mounts() -> Vec<VolumeMount> {
    vec![writable("tools", TOOLS_DIR)]
}

/// Not the workspace: what the agent made comes over the socket, so nothing it wrote is ever in the supervisor's way.
pub(super) fn supervisor_mounts() -> Vec<VolumeMount> {
    vec![
        read_only("secret", SECRET_DIR),
        writable("private", PRIVATE_DIR),
        writable("control", CONTROL_DIR),
        writable("supervisor-tmp", "/tmp"),
    ]
}

/// The agent can talk over the control folder, and cannot replace what is in it.
pub(super) fn agent_mounts() -> Vec<VolumeMount> {
    vec![
        read_only("control", CONTROL_DIR),
        read_only("tools", TOOLS_DIR),
        writable("workspace", WORKSPACE),
        writable("home", HOME),
        writable("agent-tmp", "/tmp"),
    ]
}

fn writable(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}

fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount {
        read_only: Some(true),
        ..writable(volume, path)
    }
}
