//! What the worker is told about search: where it keeps copies of repositories, and which model reads them.

use std::ffi::OsString;
use std::path::PathBuf;

use embedded_postgres::{Environment, default_cache_dir};

use crate::LabConfig;

/// The arguments of the worker. Weights that are not there are fetched in the background: nobody waits for them.
pub(crate) fn arguments(config: &LabConfig) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "--knowledge-dir".into(),
        config.dir.join("knowledge").into(),
        "--askpass".into(),
        config.lab_program.clone().into(),
        "--embedder".into(),
    ];
    if !config.local_embedder {
        arguments.push("none".into());
        return arguments;
    }
    arguments.extend([
        "local".into(),
        "--embedder-program".into(),
        config.lab_program.with_file_name("local-embedder").into(),
        "--embedder-weights".into(),
        weights(config).into(),
    ]);
    arguments
}

fn weights(config: &LabConfig) -> PathBuf {
    let environment: Environment = std::env::vars_os().collect();
    let cache = default_cache_dir(&environment).unwrap_or_else(|| config.dir.join("cache"));
    let folder = pinned_wheel::weights_dir(&cache);
    std::thread::spawn(move || {
        if let Err(why) = pinned_wheel::weights(&cache, &environment) {
            tracing::warn!(%why, "search knows words alone: the weights of its model cannot be fetched");
        }
    });
    folder
}
