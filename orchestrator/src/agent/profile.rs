//! Which program works on a stage, and what it may touch.

use std::collections::BTreeMap;

use super::Api;
use crate::actor::words;
use crate::id::{AgentProfileId, ProjectId};

/// Paths that rule the repository, and the word by which a profile names them: without it no run changes them.
const PROTECTED: [(&str, &str); 5] = [
    (".github/**", ".github"),
    // What takes rights away from agents is not theirs to change.
    ("/.codex-k8s/**", ".codex-k8s"),
    ("CODEOWNERS", "CODEOWNERS"),
    ("**/CODEOWNERS", "CODEOWNERS"),
    ("/services.yaml", "services.yaml"),
];

/// The glob of all paths: excluded, no file may be changed.
pub const EVERY_PATH: &str = "**";

/// The program of a stage, and what it may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub agent_profile_id: AgentProfileId,
    /// None: the platform's default.
    pub project_id: Option<ProjectId>,
    pub stage: String,
    pub adapter: Adapter,
    /// Argument vector of the `command` adapter.
    pub command: Vec<String>,
    /// Plain settings for the program's environment, never a secret.
    pub environment: BTreeMap<String, String>,
    /// A model of the catalogue; none lets the program choose.
    pub model: Option<String>,
    pub effort: Option<String>,
    pub output: Output,
    /// Globs of paths a run may change; empty means every path.
    pub write_include: Vec<String>,
    /// Globs of paths a run may never change; they win.
    pub write_exclude: Vec<String>,
    /// Kubernetes `RuntimeClass`.
    pub runtime_class: Option<String>,
    /// Resources of the agent's container, in Kubernetes quantities.
    pub cpu: String,
    pub memory: String,
    /// The longest active time of its runs, where it is less than the project's.
    pub active_seconds: Option<i64>,
}

impl Profile {
    /// Codex without a model of its own choice, in a container of ordinary size.
    pub fn codex(stage: &str, output: Output) -> Self {
        Self {
            agent_profile_id: AgentProfileId::new(),
            project_id: None,
            stage: stage.to_owned(),
            adapter: Adapter::Codex,
            command: Vec::new(),
            environment: BTreeMap::new(),
            model: None,
            effort: None,
            output,
            write_include: Vec::new(),
            write_exclude: Vec::new(),
            runtime_class: None,
            cpu: "2".into(),
            memory: "4Gi".into(),
            active_seconds: None,
        }
    }

    /// Whether its program starts: an agent CLI needs a model named, here or by whoever starts the run.
    pub fn is_whole(&self) -> bool {
        self.adapter.api().is_none() || self.model.is_some()
    }

    /// The same program on another kind of turn. Who reviews changes no file, whatever the profile allows for work.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        match kind {
            Kind::Work | Kind::Revise => self,
            Kind::Review => Self {
                output: Output::Comment,
                write_exclude: vec![EVERY_PATH.to_owned()],
                ..self
            },
        }
    }

    /// Globs of all paths a run may not change: the profile's own, and of those that rule the repository the ones that
    /// it does not name itself; a wildcard names nothing. What the runner checks before it pushes, and the platform after.
    pub fn excluded(&self) -> Vec<String> {
        let named = |word: &str| self.write_include.iter().any(|glob| glob.contains(word));
        let said = |glob: &str| self.write_exclude.iter().any(|there| there == glob);
        let protected = PROTECTED
            .iter()
            .filter(|(glob, word)| !named(word) && !said(glob));
        let protected = protected.map(|&(glob, _)| glob.to_owned());
        self.write_exclude.iter().cloned().chain(protected).collect()
    }
}

/// What a turn of a stage is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Does the stage's task.
    #[default]
    Work,
    /// Goes on after a person asked for changes.
    Revise,
    /// Judges what somebody else did in the stage.
    Review,
}

words!(Kind: Work = "work", Revise = "revise", Review = "review");

/// How the program is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    Codex,
    Claude,
    Command,
}

words!(Adapter: Codex = "codex", Claude = "claude", Command = "command");

impl Adapter {
    /// What its model must speak; none where a program of the project's own chooses.
    pub fn api(self) -> Option<Api> {
        match self {
            Self::Codex => Some(Api::Responses),
            Self::Claude => Some(Api::Messages),
            Self::Command => None,
        }
    }
}

/// What must exist when a run ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    PullRequest,
    Comment,
    None,
}

words!(Output: PullRequest = "pull_request", Comment = "comment", None = "none");
