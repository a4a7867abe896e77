//! How far the turn has come, on the private volume: a restarted supervisor goes on from here.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use contract::runner::{ChangedPath, Finish, ModelUsage};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::adapter::{Session, Verdict};
use super::link::Nonce;
use super::log::Offsets;

const FILE: &str = "progress.json";

/// What is known so far; each field is set when its step is done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) run_id: Uuid,
    pub(crate) turn: u32,
    /// Known once the agent's container has connected.
    pub(crate) nonce: Option<String>,
    pub(crate) log_offsets: Offsets,
    pub(crate) usage: Vec<ModelUsage>,
    /// Known once the repository is fetched.
    pub(crate) seen: Option<Seen>,
    pub(crate) agent: AgentStep,
    /// Known as soon as the program names it, so that it can be kept if the pod is removed.
    pub(crate) session: Option<Session>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) work: Option<Work>,
    pub(crate) done: BTreeSet<Step>,
    /// How the turn ends, decided; from here on only telling it is left.
    pub(crate) finish: Option<Finish>,
}

/// A step outside of this pod that must not be taken twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Pushed,
    PullRequestOpened,
    SnapshotStored,
    /// The platform knows the end.
    Told,
}

impl State {
    pub(crate) fn did(&self, step: Step) -> bool {
        self.done.contains(&step)
    }
}

/// The commits the repository was at when the turn began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Where the agent starts.
    pub(crate) start: String,
    /// What the run's changes are counted from.
    pub(crate) base: String,
    /// The run's branch at the code host; none if it does not exist. The push insists on it.
    pub(crate) branch: Option<String>,
}

/// How far the agent's program has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentStep {
    #[default]
    Waiting,
    HandedOver,
    /// Found after a restart: the program lost its supervisor and was ended.
    Running,
    Ended(Verdict),
}

/// Work in progress that a salvage can push.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) head: String,
    pub(crate) tree: String,
}

/// The result, imported and judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) head: String,
    pub(crate) changed: Vec<ChangedPath>,
}

/// The file, and the state it holds. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ProgressFile {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

impl ProgressFile {
    /// Reads the progress of this turn; that of another turn does not count.
    pub(crate) fn open(private_dir: &Path, run_id: Uuid, turn: u32) -> Self {
        let path = private_dir.join(FILE);
        let state = std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok())
            .filter(|state| state.run_id == run_id && state.turn == turn)
            .unwrap_or_else(|| State {
                run_id,
                turn,
                ..State::default()
            });
        Self {
            path,
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub(crate) fn get(&self) -> State {
        self.lock().clone()
    }

    /// Changes the state and stores it before returning: the next step may rely on it.
    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.lock();
        change(&mut state);
        store(&self.path, &state)
    }

    /// Changes something that a restart can do without; failing to store it is only said.
    pub(crate) fn note(&self, change: impl FnOnce(&mut State)) {
        if let Err(error) = self.update(change) {
            tracing::warn!(%error, "failed to store the progress");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nonce for ProgressFile {
    fn known(&self) -> Option<String> {
        self.lock().nonce.clone()
    }

    fn remember(&self, nonce: &str) -> io::Result<()> {
        self.update(|state| state.nonce = Some(nonce.to_owned()))
    }
}

fn store(path: &Path, state: &State) -> io::Result<()> {
    let half = path.with_extension("half");
    let mut file = std::fs::File::create(&half)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    file.sync_data()?;
    std::fs::rename(half, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_survives_a_restart_but_not_a_new_turn() {
        let folder = tempfile::tempdir().expect("a folder");
        let run_id = Uuid::now_v7();
        let file = ProgressFile::open(folder.path(), run_id, 1);
        let verdict = Verdict {
            last_message: Some("done".into()),
            ..Verdict::default()
        };
        file.update(|state| state.agent = AgentStep::Ended(verdict.clone()))
            .expect("stored");
        file.remember("nonce").expect("stored");
        let again = ProgressFile::open(folder.path(), run_id, 1);
        assert_eq!(again.get().agent, AgentStep::Ended(verdict));
        assert_eq!(again.known().as_deref(), Some("nonce"));
        let next = ProgressFile::open(folder.path(), run_id, 2);
        assert_eq!(next.get().agent, AgentStep::Waiting);
        assert_eq!(next.known(), None);
    }

    #[test]
    fn a_damaged_file_is_a_fresh_start() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "{half").expect("written");
        let file = ProgressFile::open(folder.path(), Uuid::now_v7(), 1);
        assert_eq!(file.get().agent, AgentStep::Waiting);
    }
}
