use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use orchestrator::agent::{self, Adapter, Output, Profile};
use orchestrator::project;

use crate::me;
use crate::memory::Memory;
use crate::project::find;

#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Prints the profiles: which program works on a stage, with which model
    List(ListProfiles),
    /// Changes the profile of stages; what is not said stays as it is
    Set(Box<SetProfile>),
}

#[derive(Debug, Args)]
pub(crate) struct ListProfiles {
    #[command(flatten)]
    memory: Memory,
}

#[derive(Debug, Args)]
pub(crate) struct SetProfile {
    #[command(flatten)]
    memory: Memory,
    /// The stages, as in the label `run:<stage>`
    #[arg(required = true)]
    stages: Vec<String>,
    /// The slug of a project, whose own profile it is; the platform's default without it
    #[arg(long)]
    project: Option<String>,
    /// A model of the catalogue; an empty word takes it away
    #[arg(long)]
    model: Option<String>,
    /// How hard the model thinks: `low`, `medium`, `high`; an empty word leaves it to the program
    #[arg(long)]
    effort: Option<String>,
    /// `codex`, `claude`, or `command` for a program of your own
    #[arg(long, value_parser = adapter)]
    adapter: Option<Adapter>,
    /// What must exist when a run ends well: `pull_request`, `comment` or `none`
    #[arg(long, value_parser = output)]
    output: Option<Output>,
    /// A setting for the program's environment, never a secret; those given replace all there were
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = crate::render::pair)]
    environment: Vec<(String, String)>,
    /// Glob of paths a run may change; those given replace all there were, and an empty word alone takes them away
    #[arg(long, value_name = "GLOB")]
    write_include: Vec<String>,
    /// Glob of paths a run may never change; as above
    #[arg(long, value_name = "GLOB")]
    write_exclude: Vec<String>,
    /// Kubernetes `RuntimeClass` of its pods; an empty word takes it away
    #[arg(long)]
    runtime_class: Option<String>,
    /// Processor of the agent's container, as a Kubernetes quantity
    #[arg(long)]
    cpu: Option<String>,
    /// Memory of the agent's container, as a Kubernetes quantity
    #[arg(long)]
    memory_limit: Option<String>,
    /// The program of the `command` adapter and its arguments
    #[arg(last = true)]
    command: Vec<String>,
}

impl Agent {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(it) => it.run().await,
            Self::Set(it) => it.run().await,
        }
    }
}

impl ListProfiles {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let mut tx = orchestrator.begin("cli.agent").await?;
        for profile in agent::list_profiles(&mut tx).await? {
            let owner = match profile.project_id {
                Some(id) => project::get(&mut tx, id).await?.slug,
                None => "platform".to_owned(),
            };
            println!("{}", line(&profile, &owner));
        }
        Ok(())
    }
}

impl SetProfile {
    async fn run(self) -> anyhow::Result<()> {
        let orchestrator = self.memory.open().await?;
        let project_id = match &self.project {
            Some(slug) => Some(find(&orchestrator, slug).await?.project_id),
            None => None,
        };
        let owner = self.project.as_deref().unwrap_or("platform");
        for stage in &self.stages {
            let change = |profile: &mut Profile| self.change(profile);
            let changed = agent::change_profile(&orchestrator, &me(), project_id, stage, change).await?;
            println!("{}", line(&changed, owner));
        }
        Ok(())
    }

    fn change(&self, profile: &mut Profile) {
        replace_word(&mut profile.model, self.model.as_ref());
        replace_word(&mut profile.effort, self.effort.as_ref());
        replace_word(&mut profile.runtime_class, self.runtime_class.as_ref());
        replace(&mut profile.adapter, self.adapter.as_ref());
        replace(&mut profile.output, self.output.as_ref());
        replace(&mut profile.cpu, self.cpu.as_ref());
        replace(&mut profile.memory, self.memory_limit.as_ref());
        replace_list(&mut profile.command, &self.command);
        replace_globs(&mut profile.write_include, &self.write_include);
        replace_globs(&mut profile.write_exclude, &self.write_exclude);
        if !self.environment.is_empty() {
            profile.environment = BTreeMap::from_iter(self.environment.clone());
        }
    }
}

fn replace<T: Clone>(there: &mut T, said: Option<&T>) {
    if let Some(said) = said {
        *there = said.clone();
    }
}

fn replace_word(there: &mut Option<String>, said: Option<&String>) {
    if let Some(said) = said {
        *there = Some(said.clone()).filter(|word| !word.is_empty());
    }
}

fn replace_list(there: &mut Vec<String>, said: &[String]) {
    if !said.is_empty() {
        *there = said.to_vec();
    }
}

fn replace_globs(there: &mut Vec<String>, said: &[String]) {
    replace_list(there, said);
    there.retain(|glob| !glob.is_empty());
}

fn line(profile: &Profile, owner: &str) -> String {
    let who = match profile.adapter {
        Adapter::Codex | Adapter::Claude => profile.adapter.to_string(),
        Adapter::Command => format!("command {:?}", profile.command),
    };
    let model = profile.model.as_deref().unwrap_or("no model");
    let output = profile.output;
    format!("{} of {owner}: {who}, {model}, output {output}", profile.stage)
}

fn adapter(word: &str) -> Result<Adapter, String> {
    Adapter::parse(word).ok_or_else(|| "use codex, claude or command".to_owned())
}

fn output(word: &str) -> Result<Output, String> {
    Output::parse(word).ok_or_else(|| "use pull_request, comment or none".to_owned())
}
