//! The objects we write, as pure functions: each is shown whole by a snapshot test.

#[cfg(test)]
mod contract;
mod job;
mod limit_range;
mod namespace;
mod network_policy;
mod pod;
#[cfg(test)]
mod policy;
mod quota;
mod role_binding;
mod secret;
#[cfg(test)]
pub(super) mod tests;
mod volume;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;

pub(super) use job::job;
pub(super) use limit_range::limit_range;
pub(super) use namespace::namespace;
pub(super) use network_policy::{default_deny, runner_egress};
pub(super) use pod::{AGENT, SUPERVISOR};
pub(super) use quota::quota;
pub(super) use role_binding::role_binding;
pub(super) use secret::secret;
pub use secret::{AGENT_TOKEN_FILE, MODEL_HOST_FILE, MODEL_KEY_FILE, SUPERVISOR_TOKEN_FILE};

/// Metadata of a namespaced object.
fn metadata(namespace: &str, name: &str, labels: BTreeMap<String, String>) -> ObjectMeta {
    ObjectMeta {
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

fn mib(amount: u32) -> Quantity {
    Quantity(format!("{amount}Mi"))
}

fn millis(amount: u32) -> Quantity {
    Quantity(format!("{amount}m"))
}

fn quantities<const N: usize>(pairs: [(&str, Quantity); N]) -> BTreeMap<String, Quantity> {
    pairs
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), amount))
        .collect()
}
