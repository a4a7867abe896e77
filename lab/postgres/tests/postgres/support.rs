//! What the tests share: the caller's real environment, folders of their own, `psql`.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use embedded_postgres::{Durability, Environment, Options, Postgres, default_cache_dir};
use tempfile::TempDir;

/// A data folder that goes away with the test, and options that share the user's cache.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) options: Options,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = default_cache_dir(&environment(&[])).expect("HOME is set");
        let mut options = Options::new(cache, folder.path().join("data"), environment(&[]));
        options.durability = Durability::ThrowAway;
        Self { folder, options }
    }

    /// Without a cache of its own: nothing was fetched yet.
    pub(crate) fn with_empty_cache() -> Self {
        let mut world = Self::new();
        world.options.cache_dir = world.folder.path().join("cache");
        world
    }

    pub(crate) fn start(&self) -> Postgres {
        Postgres::start(&self.options).expect("a server starts")
    }

    /// Starts in vain, and returns the message.
    pub(crate) fn refusal(&self) -> String {
        match Postgres::start(&self.options) {
            Ok(_) => panic!("a server started that should not have"),
            Err(error) => format!("{error:?}: {error}"),
        }
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.options.data_dir.join("cluster")
    }

    /// Sees only these programs of the real `PATH`.
    pub(crate) fn limit_path(&mut self, programs: &[&str]) {
        let bin = self.folder.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        for name in programs {
            let real = find_program(name).unwrap_or_else(|| panic!("{name} is on PATH"));
            std::os::unix::fs::symlink(real, bin.join(name)).expect("a link");
        }
        self.options.environment = environment(&[("PATH", bin.as_os_str().to_owned())]);
    }
}

/// The environment of this process, with some variables replaced.
pub(crate) fn environment(changes: &[(&str, OsString)]) -> Environment {
    let changes = changes
        .iter()
        .map(|(name, value)| (OsString::from(name), value.clone()));
    let names: Vec<_> = changes.clone().map(|(name, _)| name).collect();
    env::vars_os()
        .filter(|(name, _)| !names.contains(name))
        .chain(changes)
        .collect()
}

pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Runs SQL with the server's own `psql`, and returns what it printed, or its error.
pub(crate) fn psql(postgres: &Postgres, url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new(postgres.bin_dir().join("psql"))
        .args([
            "--no-psqlrc",
            "--no-password",
            "-v",
            "ON_ERROR_STOP=1",
            "-Atqc",
            sql,
            url,
        ])
        .env_clear()
        .output()
        .expect("psql is there");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

pub(crate) fn sql(postgres: &Postgres, text: &str) -> String {
    psql(postgres, &postgres.url("postgres"), text).expect("the statement succeeds")
}

pub(crate) fn write_program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
}

pub(crate) fn process_exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
