//! A PostgreSQL on this machine, and whether it is fit for us.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Error, Result, program};

const MINIMUM_MAJOR: u32 = 15;

/// The first pgvector with iterative scan, without which filtered searches come back short.
const MINIMUM_VECTOR: [u32; 3] = [0, 8, 0];

const PROBE_DEADLINE: Duration = Duration::from_secs(10);

/// A folder of binaries that was looked into.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) bin_dir: PathBuf,
    pub(crate) major: u32,
}

impl Installation {
    /// Looks into a folder of binaries; refuses one without pgvector, or too old.
    pub(crate) fn inspect(bin_dir: &Path) -> Result<Self> {
        let postgres = bin_dir.join("postgres");
        let missing = || Error::ServerMissing(bin_dir.to_owned());
        // Often a link into the folder that holds the rest.
        let home = postgres.canonicalize().map_err(|_| missing())?;
        let bin_dir = home.parent().ok_or_else(missing)?.to_owned();
        if !bin_dir.join("initdb").is_file() {
            return Err(missing());
        }
        let major = version(&home)?;
        if major < MINIMUM_MAJOR {
            return Err(Error::ServerTooOld { bin_dir, major });
        }
        let Some(vector) = vector_version(&bin_dir, major) else {
            return Err(Error::VectorMissing { bin_dir, major });
        };
        if numbers(&vector) < MINIMUM_VECTOR {
            return Err(Error::VectorTooOld {
                bin_dir,
                found: vector,
            });
        }
        Ok(Self { bin_dir, major })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

fn version(postgres: &Path) -> Result<u32> {
    let broken = |detail| Error::ServerBroken {
        postgres: postgres.to_owned(),
        detail,
    };
    let answer = program::run(
        Command::new(postgres).arg("--version").env_clear(),
        PROBE_DEADLINE,
    )
    .map_err(|error| broken(error.to_string()))?;
    major_of(&answer.stdout).ok_or_else(|| broken(program::last_words(&answer.stderr)))
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian ...)`, also `19devel` and `18beta1`.
fn major_of(answer: &str) -> Option<u32> {
    let version = answer.split("(PostgreSQL) ").nth(1)?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version[..digits].parse().ok()
}

fn vector_version(bin_dir: &Path, major: u32) -> Option<String> {
    share_dirs(bin_dir, major)
        .iter()
        .find_map(|share| fs::read_to_string(share.join("extension/vector.control")).ok())
        .and_then(|control| default_version(&control))
}

/// Lists where the extensions may be: what `pg_config` says, which many systems leave out, then the usual places.
fn share_dirs(bin_dir: &Path, major: u32) -> Vec<PathBuf> {
    let pg_config = bin_dir.join("pg_config");
    let told = program::run(
        Command::new(pg_config).arg("--sharedir").env_clear(),
        PROBE_DEADLINE,
    )
    .ok();
    let told = told
        .filter(|answer| answer.success)
        .map(|answer| PathBuf::from(answer.stdout));
    let usual = [
        bin_dir.join("../share"),
        bin_dir.join("../share/postgresql"),
        PathBuf::from(format!("/usr/share/postgresql/{major}")),
    ];
    told.into_iter().chain(usual).collect()
}

fn default_version(control: &str) -> Option<String> {
    let line = control
        .lines()
        .find(|line| line.trim_start().starts_with("default_version"))?;
    let value = line.split('=').nth(1)?.split('#').next()?;
    Some(value.trim().trim_matches('\'').to_owned())
}

fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_form() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("postgres (PostgreSQL) 19devel"), Some(19));
        assert_eq!(major_of("mysqld 8.0"), None);
    }

    #[test]
    fn versions_of_pgvector_compare_as_numbers() {
        assert!(numbers("0.10.0") > MINIMUM_VECTOR);
        assert!(numbers("0.7.4") < MINIMUM_VECTOR);
        assert!(numbers("1.0") > MINIMUM_VECTOR);
        assert_eq!(
            default_version("comment = 'x'\ndefault_version = '0.8.6' # y\n").as_deref(),
            Some("0.8.6")
        );
    }
}
