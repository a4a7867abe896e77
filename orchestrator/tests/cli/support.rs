//! A folder with an installation's files, and the program run in it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use orchestrator::postgres::admin;
use orchestrator::testing::TestDb;
use tempfile::TempDir;

pub(crate) const AUDIENCE: &str = "https://inside.codex-k8s.example/mcp";
pub(crate) const PUBLIC_AUDIENCE: &str = "https://codex-k8s.example/mcp";

const ENVIRONMENT: [(&str, &str); 5] = [
    ("CODEXK8S_DATABASE_URL_FILE", "url"),
    ("CODEXK8S_MASTER_KEY_FILE", "master-key"),
    ("CODEXK8S_EDGE_KEY_FILE", "edge-key"),
    ("CODEXK8S_AUDIENCE", AUDIENCE),
    ("CODEXK8S_PUBLIC_AUDIENCE", PUBLIC_AUDIENCE),
];

/// An installation that nobody has set up.
pub(crate) struct Installation {
    pub(crate) folder: TempDir,
    pub(crate) db: TestDb,
}

pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Installation {
    /// On a database with the schema.
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let db = TestDb::new().await;
        std::fs::write(folder.path().join("url"), db.url()).expect("written");
        Self { folder, db }
    }

    /// On a database that is empty; its name is answered too.
    pub(crate) async fn empty() -> (Self, String) {
        let it = Self::new().await;
        let name = format!("t_empty_{}", std::process::id());
        admin::ensure_database(it.db.url(), &name).await.expect("made");
        let url = admin::database_url(it.db.url(), &name).expect("a URL");
        std::fs::write(it.folder.path().join("url"), url).expect("written");
        (it, name)
    }

    pub(crate) fn master_key(&self) -> PathBuf {
        self.folder.path().join("master-key")
    }

    pub(crate) fn edge_key(&self) -> PathBuf {
        self.folder.path().join("edge-key")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        run_in(self.folder.path(), arguments, &ENVIRONMENT)
    }

    /// The same, with one setting left out.
    pub(crate) fn run_without(&self, arguments: &[&str], name: &str) -> Answer {
        let left: Vec<_> = ENVIRONMENT.into_iter().filter(|(it, _)| *it != name).collect();
        run_in(self.folder.path(), arguments, &left)
    }
}

pub(crate) fn run_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Answer {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_codex-k8s"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .expect("the program runs");
    Answer {
        success: status.success(),
        stdout: String::from_utf8(stdout).expect("text"),
        stderr: String::from_utf8(stderr).expect("text"),
    }
}

pub(crate) fn mode(file: &Path) -> u32 {
    file.metadata().expect("there").permissions().mode() & 0o777
}
