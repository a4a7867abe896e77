//! How a simulator is set up.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::kubelet::image::Image;

/// What a simulator needs to know.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// Loopback only; port 0 chooses a free one.
    pub listen: SocketAddr,
    /// Holds the kubeconfig, and the pods' volumes and logs while they live.
    pub data_dir: PathBuf,
    pub images: Vec<Image>,
    /// A binary whose `main` calls [`crate::launcher_main`] first.
    pub launcher: PathBuf,
}
