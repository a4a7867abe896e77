//! Reads the manifests of `deploy/base`.

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::Value;

/// One document of a file.
pub(crate) struct Manifest {
    /// Folder below `deploy/base`: the service it belongs to.
    pub(crate) service: String,
    pub(crate) file: String,
    pub(crate) content: Value,
}

impl Manifest {
    pub(crate) fn kind(&self) -> &str {
        self.content["kind"].as_str().expect("a kind")
    }

    pub(crate) fn name(&self) -> &str {
        self.content["metadata"]["name"].as_str().expect("a name")
    }

    /// The pod it starts, where it starts one.
    pub(crate) fn pod(&self) -> Option<PodSpec> {
        let spec = self.content.pointer("/spec/template/spec")?;
        Some(serde_json::from_value(spec.clone()).expect("a pod"))
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// All documents of all services, without the kustomizations.
pub(crate) fn all() -> Vec<Manifest> {
    let mut found = Vec::new();
    for folder in entries(&root().join("deploy/base"))
        .into_iter()
        .filter(|path| path.is_dir())
    {
        for path in entries(&folder)
            .into_iter()
            .filter(|path| !path.ends_with("kustomization.yaml"))
        {
            for content in documents(&path) {
                found.push(Manifest {
                    service: name_of(&folder),
                    file: name_of(&path),
                    content,
                });
            }
        }
    }
    assert!(found.len() > 20, "deploy/base holds the platform");
    found
}

pub(crate) fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a readable file");
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a folder holds, in order.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut all: Vec<PathBuf> = read.map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    all
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

pub(crate) fn containers(pod: &PodSpec) -> impl Iterator<Item = &Container> {
    pod.init_containers.iter().flatten().chain(&pod.containers)
}
