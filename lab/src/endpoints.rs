//! Where everything of a running lab is, for scripts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::files::write_private;

/// The content of `endpoints.json`. It holds secrets of this lab: mode 0600.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Endpoints {
    pub gateway_url: String,
    /// Where a browser signs in.
    pub login_url: String,
    /// The tools as people reach them, through the gateway.
    pub public_mcp_url: String,
    pub webhook_url: String,
    pub webhook_secret: String,
    /// The tools as runs reach them; also the audience of the tokens below.
    pub mcp_url: String,
    /// Health and metrics of the programs, when they run inside the lab.
    pub internal_url: Option<String>,
    pub github_url: String,
    pub github_api_url: String,
    /// Shown as a bearer token, it drives the simulator at `/_sim/`; `?key=` lets a browser click.
    pub github_key: String,
    pub model_url: String,
    pub kubeconfig: PathBuf,
    pub database_url: String,
    pub master_key_file: PathBuf,
    /// One service token per project role, and per role of the platform as `platform_<role>`.
    pub tokens: BTreeMap<String, String>,
    pub project: String,
    pub project_id: Uuid,
    /// `owner/name`.
    pub repository: String,
    pub repository_id: Uuid,
    pub github_repository_id: i64,
    pub people: Vec<Person>,
    /// How containers are kept apart.
    pub isolation: String,
    /// The models that the profiles of Codex and of Claude Code name.
    pub model: String,
    pub claude_model: String,
    pub settings: Settings,
}

/// How a running lab was set up; another command cannot change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Children of each program, with `LAB_SPLIT`.
    pub replicas: Option<usize>,
    /// Of the real model, if there is one.
    pub model_url: Option<String>,
    pub model_key_file: Option<PathBuf>,
}

/// Somebody at the simulated GitHub.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    pub login: String,
    pub github_user_id: i64,
    /// Role in the project; none for people the platform does not know.
    pub role: Option<String>,
    /// Permission at the simulated GitHub.
    pub permission: String,
}

impl Endpoints {
    pub fn file(dir: &Path) -> PathBuf {
        dir.join("endpoints.json")
    }

    /// The address of a page about the repository, with which a browser may also click there.
    pub fn page(&self, path: &str) -> String {
        let Self {
            github_url,
            repository,
            github_key,
            ..
        } = self;
        format!("{github_url}/{repository}/{path}?key={github_key}")
    }

    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        write_private(&Self::file(dir), &serde_json::to_string_pretty(self)?)
    }

    /// Reads where a lab is.
    ///
    /// # Errors
    ///
    /// No lab runs in this folder.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let file = Self::file(dir);
        let text = std::fs::read_to_string(&file).with_context(|| {
            format!(
                "no lab runs here ({} is not there); start one with `make up`",
                file.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is of another version", file.display()))
    }
}
