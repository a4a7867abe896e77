//! The kubeconfig by which clients find the simulator.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::api::PREFIX;

/// Writes a kubeconfig that nobody else may read: the token stands in it.
///
/// Its current context is for everybody and has the token in the server's path, because kubectl sends no credentials
/// over plain HTTP. The context `cluster-sim-token` has it as a bearer token only, for programs that log URLs.
pub(crate) fn write(path: &Path, address: SocketAddr, token: &str) -> Result<()> {
    let content = format!(
        "\
apiVersion: v1
kind: Config
current-context: cluster-sim
clusters:
- name: cluster-sim
  cluster: {{server: 'http://{address}{PREFIX}{token}'}}
- name: cluster-sim-token
  cluster: {{server: 'http://{address}'}}
users:
- name: cluster-sim
  user: {{token: '{token}'}}
contexts:
- name: cluster-sim
  context: {{cluster: cluster-sim, user: cluster-sim, namespace: default}}
- name: cluster-sim-token
  context: {{cluster: cluster-sim-token, user: cluster-sim, namespace: default}}
"
    );
    let fresh = path.with_extension("fresh");
    // One that an earlier life left half written; none is the usual case.
    std::fs::remove_file(&fresh).ok();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .with_context(|| format!("write {}", fresh.display()))?;
    file.write_all(content.as_bytes())?;
    std::fs::rename(&fresh, path).with_context(|| format!("write {}", path.display()))
}
