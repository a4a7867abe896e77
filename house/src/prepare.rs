//! Lets the checked macros describe every query, as `cargo sqlx prepare` does, without installing it.
//!
//! With a live database and `SQLX_OFFLINE_DIR` the macros write one file per query while a crate is compiled; whether it
//! is `check` or `clippy` that compiles is the same to them, so the gate's one run of clippy yields the descriptions too.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;

use crate::descriptions;
use crate::postgres::{self, Server};

const DATABASE: &str = "prepare";
/// The one crate with queries.
const CRATE: &str = "orchestrator";

#[derive(Args)]
pub(crate) struct Prepare {
    /// Changes nothing; fails if `.sqlx` is not what would be written
    #[arg(long)]
    check: bool,
    /// Where the descriptions are
    #[arg(long, default_value = ".sqlx", value_name = "FOLDER")]
    folder: PathBuf,
    /// What compiles every query
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

impl Prepare {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let root = root();
        let server = Server::start()?;
        make_schema(&server, root)?;
        let fresh = tempfile::tempdir()?;
        // Cargo does not know that a macro reads a database: an untouched crate would not be compiled again.
        let touched = root.join(CRATE).join("src/lib.rs");
        File::options()
            .append(true)
            .open(&touched)
            .and_then(|file| file.set_modified(SystemTime::now()))
            .with_context(|| format!("cannot touch {}", touched.display()))?;
        let environment = [
            ("SQLX_OFFLINE", "false".to_owned()),
            ("DATABASE_URL", server.url(DATABASE)),
            ("SQLX_OFFLINE_DIR", fresh.path().display().to_string()),
        ];
        let compiled = postgres::run(&self.compile(), &environment).await?;
        if compiled != ExitCode::SUCCESS {
            return Ok(compiled);
        }
        let changes = descriptions::compare(fresh.path(), &self.folder)?;
        if !self.check {
            descriptions::write(&changes, fresh.path(), &self.folder)?;
            println!("{}: {changes}", self.folder.display());
            return Ok(ExitCode::SUCCESS);
        }
        if changes.is_empty() {
            println!("{}: current", self.folder.display());
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!(
            "{}: out of date, {changes}; run `make prepare` and commit it (described by {})",
            self.folder.display(),
            server.bin_dir().display()
        );
        Ok(ExitCode::FAILURE)
    }

    fn compile(&self) -> Vec<String> {
        if self.command.is_empty() {
            [
                "cargo",
                "check",
                "--package",
                CRATE,
                "--all-features",
                "--all-targets",
            ]
            .map(str::to_owned)
            .into()
        } else {
            self.command.clone()
        }
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Applies the queue's migrations, then ours, to a new database.
fn make_schema(server: &Server, root: &Path) -> anyhow::Result<()> {
    let create = format!("CREATE DATABASE {DATABASE}");
    server.psql("postgres", &["--command".as_ref(), create.as_ref()])?;
    let queue = queue_migrations(root)?;
    for folder in [queue, root.join("migrations")] {
        for file in migrations_up(&folder)? {
            let arguments: [&OsStr; 3] = ["--single-transaction".as_ref(), "--file".as_ref(), file.as_ref()];
            server
                .psql(DATABASE, &arguments)
                .with_context(|| format!("cannot apply {}", file.display()))?;
        }
    }
    Ok(())
}

/// The folder of SQL files that the queue's own crate brings.
fn queue_migrations(root: &Path) -> anyhow::Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--locked"])
        // Else packages of other systems would be fetched only to be listed.
        .arg(format!(
            "--filter-platform={}-unknown-linux-gnu",
            std::env::consts::ARCH
        ))
        .current_dir(root)
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "riverqueue-migrate")
        .and_then(|package| package["manifest_path"].as_str())
        .context("riverqueue-migrate is not among the dependencies")?;
    Ok(Path::new(manifest).with_file_name("migrations").join("main"))
}

fn migrations_up(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let is_down = path
            .file_stem()
            .is_some_and(|stem| Path::new(stem).extension() == Some("down".as_ref()));
        if path.extension() == Some("sql".as_ref()) && !is_down {
            files.push(path);
        }
    }
    files.sort();
    ensure!(
        !files.is_empty(),
        "there are no migrations in {}",
        folder.display()
    );
    Ok(files)
}
