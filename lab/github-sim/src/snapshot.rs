//! The state on disk, so that a lab can be stopped and go on later.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::sim::Inner;
use crate::world::World;

/// How often a changed state is written.
const EVERY: Duration = Duration::from_secs(1);

/// Reads the state that a former run left, if there is one.
pub(crate) fn load(file: &Path) -> Result<Option<World>> {
    match std::fs::read(file) {
        Ok(bytes) => {
            let hint = || format!("reading {}; delete it to begin anew", file.display());
            serde_json::from_slice(&bytes).with_context(hint).map(Some)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

/// Writes the state as a whole or not at all. The file holds tokens: nobody else may read it.
pub(crate) fn save(sim: &Inner) -> Result<()> {
    let Some(file) = &sim.snapshot else { return Ok(()) };
    let bytes = serde_json::to_vec(&*sim.world()).context("writing the state as JSON")?;
    let temporary = file.with_extension("json.new");
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .with_context(|| format!("writing {}", temporary.display()))?;
    out.write_all(&bytes)
        .and_then(|()| out.sync_all())
        .context("writing the state")?;
    std::fs::rename(&temporary, file).with_context(|| format!("replacing {}", file.display()))
}

/// Writes the state whenever it changed, until the simulator stops.
pub(crate) async fn keep(sim: Arc<Inner>) {
    let mut written = 0;
    loop {
        tokio::time::sleep(EVERY).await;
        let writes = sim.writes();
        if writes != written {
            match save(&sim) {
                Ok(()) => written = writes,
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the state is not kept"),
            }
        }
    }
}
