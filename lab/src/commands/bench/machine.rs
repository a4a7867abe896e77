//! Where and with what it was measured.

use serde::{Deserialize, Serialize};

use super::database::Server;
use super::{npm, peer};

/// What numbers depend on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    /// Load averages over 1, 5 and 15 minutes before the bench began: what others did meanwhile.
    pub(super) load_before: String,
    pub(super) postgres: String,
    pub(super) node: String,
    pub(super) octokit_webhooks: String,
    pub(super) pg: String,
    /// A build without optimization measures nothing.
    pub(super) optimized: bool,
}

impl Machine {
    pub(super) async fn look(server: &Server, load_before: String) -> anyhow::Result<Self> {
        Ok(Self {
            cpu: after_colon("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            load_before,
            postgres: server
                .ask("postgres", "SHOW server_version")
                .await?
                .trim()
                .to_owned(),
            node: peer::node_version().await?,
            octokit_webhooks: npm::version(&lab::npm_ci("bench", "@octokit/webhooks")?)?,
            pg: npm::version(&lab::npm_ci("bench", "pg")?)?,
            optimized: !cfg!(debug_assertions),
        })
    }
}

impl Machine {
    /// Whether others used more than a quarter of the machine.
    pub(super) fn is_busy(&self) -> bool {
        let load: f64 = self
            .load_before
            .split(' ')
            .next()
            .and_then(|one| one.parse().ok())
            .unwrap_or(0.0);
        u32::try_from(self.cores).is_ok_and(|cores| load > f64::from(cores) / 4.0)
    }
}

/// The load averages now.
pub(super) fn load() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

fn after_colon(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
