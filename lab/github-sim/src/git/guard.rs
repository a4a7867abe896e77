//! What GitHub refuses in a push beyond rights on the repository.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::auth::Caller;
use crate::world::{Level, covers};

/// Writes the hooks beside the repositories.
pub(crate) fn write_hooks(repositories: &Path) -> Result<()> {
    let file = folder(repositories).join("update");
    let write = || {
        fs::create_dir_all(folder(repositories))?;
        fs::write(&file, include_str!("no_workflows.sh"))?;
        fs::set_permissions(&file, Permissions::from_mode(0o755))
    };
    write().with_context(|| format!("writing {}", file.display()))
}

/// Returns the hooks that hold for this caller: an App needs a permission of its own for workflows.
pub(super) fn hooks(repositories: &Path, caller: &Caller) -> Option<PathBuf> {
    match caller {
        Caller::Installation { permissions, .. } if !covers(permissions, "workflows", Level::Write) => {
            Some(folder(repositories))
        }
        _ => None,
    }
}

fn folder(repositories: &Path) -> PathBuf {
    repositories.join("hooks")
}
