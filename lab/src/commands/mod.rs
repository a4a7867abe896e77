//! What the command line does.

pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod doctor;
mod log;
pub(crate) mod program;
pub(crate) mod up;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use lab::{LabConfig, RealModel};
use orchestrator::agent::Api;
use secrecy::SecretString;

/// Which lab, and how it runs.
#[derive(Args, Clone, Debug)]
pub(crate) struct LabArgs {
    /// Keeps everything between two starts
    #[arg(long, env = "LAB_DIR", default_value = ".lab")]
    pub(crate) dir: PathBuf,
    /// The first of six ports in a row; 0 takes free ones
    #[arg(long, env = "LAB_PORT", default_value_t = 8400)]
    pub(crate) port: u16,
    /// Run the programs as children instead of inside
    #[arg(long, env = "LAB_SPLIT", default_value = "0", value_parser = switch)]
    pub(crate) split: bool,
    /// Children of each program
    #[arg(long, env = "LAB_REPLICAS", default_value_t = 1)]
    pub(crate) replicas: usize,
    /// Let a real model work although the host allows no isolation
    #[arg(long, env = "LAB_UNSAFE", default_value = "0", value_parser = switch)]
    pub(crate) r#unsafe: bool,
    /// A database of your own, instead of the embedded one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<SecretString>,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
}

/// A real model instead of the scripted one.
#[derive(Args, Clone, Debug)]
pub(crate) struct ModelArgs {
    /// Base URL of its API
    #[arg(long, env = "MODEL_URL", requires = "model_key_file")]
    pub(crate) model_url: Option<String>,
    /// File with its key
    #[arg(long, env = "MODEL_KEY_FILE", requires = "model_url")]
    pub(crate) model_key_file: Option<PathBuf>,
    /// What it speaks: `responses` as Codex does, `messages` as Claude Code does
    #[arg(long, env = "MODEL_API", default_value = "responses", value_parser = api)]
    pub(crate) model_api: Api,
    /// Its name
    #[arg(long, env = "MODEL", default_value = "gpt-5-codex")]
    pub(crate) model: String,
}

fn api(word: &str) -> Result<Api, String> {
    Api::parse(word).ok_or_else(|| "use responses or messages".to_owned())
}

fn switch(word: &str) -> Result<bool, String> {
    match word {
        "1" | "true" => Ok(true),
        "" | "0" | "false" => Ok(false),
        other => Err(format!("{other:?} is neither 0 nor 1")),
    }
}

impl LabArgs {
    /// The lab this command line asks for.
    pub(crate) fn config(&self) -> anyhow::Result<LabConfig> {
        let lab_program = std::env::current_exe().context("where this program is")?;
        let runner_program = lab_program.with_file_name("lab-runner");
        anyhow::ensure!(
            runner_program.is_file(),
            "{} is not there; build it with `cargo build -p lab`",
            runner_program.display()
        );
        let dir = std::path::absolute(&self.dir)?;
        let model = match (&self.model.model_url, &self.model.model_key_file) {
            (Some(url), Some(key_file)) => Some(RealModel {
                url: url.clone(),
                api: self.model.model_api,
                key_file: std::path::absolute(key_file)?,
                name: self.model.model.clone(),
            }),
            _ => None,
        };
        Ok(LabConfig {
            log_file: Some(log::file(&dir)),
            dir,
            port: self.port,
            database_url: self.database_url.clone(),
            replicas: self.split.then_some(self.replicas.max(1)),
            model,
            unsafe_without_isolation: self.r#unsafe,
            throw_away: false,
            fault_file: None,
            lab_program,
            runner_program,
            programs: None,
            calls_per_second: None,
            local_embedder: true,
            console: None,
        })
    }
}
