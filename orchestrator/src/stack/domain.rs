//! The words of services.yaml.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::validate::{self, Faults};

/// The only version of the file there is.
pub(super) const API_VERSION: &str = "codexk8s.dev/v1alpha1";
pub(super) const KIND: &str = "ServiceStack";

/// A stack whose parts fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    pub name: String,
    pub environments: BTreeMap<String, Environment>,
    pub images: Vec<Image>,
    pub infrastructure: Vec<Infrastructure>,
    pub services: Vec<Service>,
}

/// Where a stack is deployed. What it does not say, it takes from the one it is based on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    pub from: Option<String>,
    pub namespace: Option<String>,
}

/// An image, by the name that manifests call it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    pub name: String,
    /// `CODEXK8S_<NAME>_IMAGE`: stands in manifests where the image's reference will be.
    pub variable: String,
    pub build: Option<Build>,
    /// Made elsewhere.
    #[serde(default)]
    pub external: bool,
}

/// How an image is built.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    pub dockerfile: String,
    /// The workspace's package and its program in the image; none if it holds no program of ours.
    pub package: Option<String>,
    pub binary: Option<String>,
}

/// What must be there before any service: namespaces, policies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Infrastructure {
    pub name: String,
    /// The folder of its manifests.
    pub manifests: String,
}

/// Something deployed on its own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    pub name: String,
    pub deploy_group: DeployGroup,
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// The folder of its manifests.
    pub manifests: String,
    /// Names of the images that the manifests use.
    #[serde(default)]
    pub images: Vec<String>,
}

/// What is deployed together; the variants stand in the order of deploying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployGroup {
    Stateful,
    Migrations,
    Internal,
    Edge,
    Frontend,
}

impl DeployGroup {
    pub const ALL: [Self; 5] = [
        Self::Stateful,
        Self::Migrations,
        Self::Internal,
        Self::Edge,
        Self::Frontend,
    ];
}

/// One folder of manifests, at its place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub name: &'a str,
    pub manifests: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    pub(super) environments: BTreeMap<String, Environment>,
    #[serde(default)]
    pub(super) images: Vec<Image>,
    #[serde(default)]
    pub(super) infrastructure: Vec<Infrastructure>,
    /// Stands in the file for its readers; the order is ours to decide.
    pub(super) deploy_order: Vec<DeployGroup>,
    #[serde(default)]
    pub(super) services: Vec<Service>,
}

impl Stack {
    /// Reads services.yaml.
    ///
    /// # Errors
    ///
    /// Every fault of the file at once, or the first that keeps it from being read at all.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| Faults::one(error.to_string()))?;
        validate::check(&file)?;
        Ok(Self {
            name: file.metadata.name,
            environments: file.spec.environments,
            images: file.spec.images,
            infrastructure: file.spec.infrastructure,
            services: file.spec.services,
        })
    }

    /// The namespace of an environment; `None` if there is no such environment.
    pub fn namespace(&self, environment: &str) -> Option<&str> {
        namespace(&self.environments, environment)
    }

    /// All folders of manifests in the order of deploying: infrastructure, then group by group, and within a group what
    /// others depend on first.
    pub fn order(&self) -> Vec<Part<'_>> {
        let mut parts: Vec<Part<'_>> = self
            .infrastructure
            .iter()
            .map(|it| Part {
                name: &it.name,
                manifests: &it.manifests,
            })
            .collect();
        for group in DeployGroup::ALL {
            let mut left: Vec<&Service> = self
                .services
                .iter()
                .filter(|it| it.deploy_group == group)
                .collect();
            // The stack is valid: dependencies lead to earlier groups or to this one, and never in a circle.
            while !left.is_empty() {
                let waits = |it: &Service| {
                    it.depends_on
                        .iter()
                        .any(|on| left.iter().any(|other| other.name == *on))
                };
                let next = left.iter().position(|it| !waits(it)).unwrap_or(0);
                let service = left.remove(next);
                parts.push(Part {
                    name: &service.name,
                    manifests: &service.manifests,
                });
            }
        }
        parts
    }
}

/// Follows `from` until a namespace is said; a circle ends after as many steps as there are environments.
pub(super) fn namespace<'a>(
    environments: &'a BTreeMap<String, Environment>,
    environment: &str,
) -> Option<&'a str> {
    let mut here = environments.get(environment)?;
    for _ in 0..environments.len() {
        if let Some(namespace) = &here.namespace {
            return Some(namespace);
        }
        here = environments.get(here.from.as_deref()?)?;
    }
    None
}
