//! The real command lines of agents, as their npm packages bring them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::npm::npm_ci;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Cli {
    name: &'static str,
    package: &'static str,
    /// Where the pinned package keeps the programs of this platform, below `node_modules`.
    vendors: &'static [&'static str],
    /// What the runner's image holds of it, the program itself first.
    files: &'static [&'static str],
}

pub const CODEX: Cli = Cli {
    name: "codex",
    package: "@openai/codex",
    vendors: &[
        "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl",
        "@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl",
    ],
    files: &[
        "bin/codex",
        "bin/codex-code-mode-host",
        "codex-path/rg",
        "codex-package.json",
    ],
};

pub const CLAUDE: Cli = Cli {
    name: "claude",
    package: "@anthropic-ai/claude-code",
    vendors: &[
        "@anthropic-ai/claude-code-linux-x64",
        "@anthropic-ai/claude-code-linux-arm64",
    ],
    files: &["claude"],
};

impl Cli {
    pub(crate) const ALL: [Self; 2] = [CODEX, CLAUDE];

    /// Fetches it with npm, once, and answers where its program is.
    ///
    /// # Errors
    ///
    /// npm cannot fetch it, or has none for this machine.
    pub fn fetch(&self) -> anyhow::Result<PathBuf> {
        npm_ci(&format!("npm/{}", self.name), self.package)?;
        let folder = self
            .installed()
            .with_context(|| format!("{} has no program for this machine", self.package))?;
        Ok(folder.join(self.files[0]))
    }

    /// Fetches it and shows it to the lab in this folder: each container that starts from now on has it.
    ///
    /// # Errors
    ///
    /// As [`Self::fetch`].
    pub fn install(&self, lab: &Path) -> anyhow::Result<()> {
        self.fetch()?;
        self.show(lab)?;
        Ok(())
    }

    /// Answers a path, and where it stands in the runner's image, as `deploy/images/runner` has it. It leads to the programs
    /// once they are installed, until then to some that say what to do.
    pub(crate) fn show(&self, lab: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
        let shown = lab.join(self.name);
        let target = match self.installed() {
            Some(folder) => folder,
            None => self.absent(lab)?,
        };
        let beside = lab.join(format!("{}.new", self.name));
        let _ = fs::remove_file(&beside);
        symlink(&target, &beside)
            .and_then(|()| fs::rename(&beside, &shown))
            .with_context(|| format!("linking {}", shown.display()))?;
        Ok((shown, Path::new("/usr/local/lib").join(self.name)))
    }

    /// The folder of the installed programs, if they are there.
    fn installed(&self) -> Option<PathBuf> {
        let npm = Path::new(env!("CARGO_MANIFEST_DIR")).join("npm");
        let modules = npm.join(self.name).join("node_modules");
        let mut folders = self.vendors.iter().map(|vendor| modules.join(vendor));
        folders.find(|folder| folder.join(self.files[0]).is_file())
    }

    fn absent(&self, lab: &Path) -> anyhow::Result<PathBuf> {
        let name = self.name;
        let says = format!(
            "#!/bin/sh\necho '{} is not installed; run `make demo AGENT={name}`' >&2\nexit 127\n",
            self.package
        );
        let folder = lab.join(format!("no-{name}"));
        for file in self.files.iter().map(|file| folder.join(file)) {
            let parent = file.parent().unwrap_or(&folder);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&file, &says))
                .with_context(|| format!("writing {}", file.display()))?;
            // Read in containers, by other users.
            for path in [folder.as_path(), parent, &file] {
                fs::set_permissions(path, Permissions::from_mode(0o755))?;
            }
        }
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_cli_its_programs_say_what_to_do() {
        let lab = tempfile::tempdir().expect("a folder");
        for cli in Cli::ALL {
            let folder = cli.absent(lab.path()).expect("made");
            for file in cli.files {
                let mode = fs::metadata(folder.join(file))
                    .expect("there")
                    .permissions()
                    .mode();
                assert_eq!(mode & 0o777, 0o755, "{file}");
            }
            let said = std::process::Command::new(folder.join(cli.files[0]))
                .output()
                .expect("it runs");
            assert_eq!(said.status.code(), Some(127));
            let wanted = format!("make demo AGENT={}", cli.name);
            assert!(String::from_utf8_lossy(&said.stderr).contains(&wanted));
        }
    }

    #[test]
    fn what_is_shown_can_be_shown_again() {
        let lab = tempfile::tempdir().expect("a folder");
        for cli in Cli::ALL {
            let shown = cli.show(lab.path()).expect("shown");
            assert_eq!(cli.show(lab.path()).expect("shown again"), shown);
            assert!(shown.0.join(cli.files[0]).is_file());
        }
    }
}
