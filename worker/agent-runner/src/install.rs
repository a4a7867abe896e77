//! The init container: brings this binary and the agent's CLI to the folder both containers mount.

use std::fs;
use std::io;
use std::path::{Component, Path};

use anyhow::{Context, ensure};

use crate::config::InstallConfig;

/// Copies everything; doing it twice leaves the same files.
pub fn run(config: &InstallConfig) -> anyhow::Result<()> {
    let own = std::env::current_exe().context("failed to find this binary")?;
    copy(&own, &config.dir, "bin/agent-runner")?;
    for also in &config.also {
        let (file, name) = also
            .split_once('=')
            .with_context(|| format!("--also {also:?}: expected FILE=NAME"))?;
        copy(Path::new(file), &config.dir, name)?;
    }
    Ok(())
}

/// Copies with the permissions of the source, in one step: a program is there whole, or not at all.
fn copy(from: &Path, dir: &Path, name: &str) -> anyhow::Result<()> {
    let inside = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    ensure!(
        inside && !name.is_empty(),
        "--also: {name:?} is not a name below the folder"
    );
    let to = dir.join(name);
    let place = || -> io::Result<()> {
        let folder = to.parent().unwrap_or(dir);
        fs::create_dir_all(folder)?;
        let half = folder.join(format!(
            ".{}.half",
            to.file_name().unwrap_or_default().to_string_lossy()
        ));
        fs::copy(from, &half)?;
        fs::rename(&half, &to)
    };
    place().with_context(|| format!("failed to copy {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_arrive_with_their_permissions_and_stay_below_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("codex");
        fs::write(&source, "#!/bin/sh\n").expect("written");
        fs::set_permissions(&source, fs::Permissions::from_mode(0o755)).expect("changed");
        let target = folder.path().join("tools");
        let install = |name: &str| {
            let also = vec![format!("{}={name}", source.display())];
            run(&InstallConfig {
                dir: target.clone(),
                also,
            })
        };
        install("bin/codex").expect("installed");
        install("bin/codex").expect("installed again");
        let mode = |name: &str| {
            fs::metadata(target.join(name))
                .expect("there")
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(mode("bin/codex"), 0o755);
        assert_eq!(mode("bin/agent-runner") & 0o111, 0o111);
        assert!(install("../escape").is_err());
        assert!(install("").is_err());
    }
}
