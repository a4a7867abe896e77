//! A project's place in the cluster: its namespace, and what holds everything in it within bounds.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt};
use orchestrator::ports::cluster::ClusterError;

use super::calls::{apply, call};
use super::{Kubernetes, manifest};

/// The cluster's authorizer learns of a new binding within moments; until then it still refuses us.
const BINDING_TAKES: Duration = Duration::from_millis(250);
const BINDING_TRIES: u32 = 20;

pub(super) async fn ensure(
    cluster: &Kubernetes,
    project: &str,
    max_live_runs: i32,
) -> Result<(), ClusterError> {
    let names = &cluster.names;
    let sizes = &cluster.config.sizes;
    let namespace = names.namespace(project);
    let is_new = require_ours(cluster, &namespace).await?;
    apply(
        "apply Namespace",
        &Api::all(cluster.client.clone()),
        &manifest::namespace(names, project),
    )
    .await?;
    if let Some(account) = &cluster.config.worker_account {
        let bindings = Api::namespaced(cluster.client.clone(), &namespace);
        apply(
            "apply RoleBinding",
            &bindings,
            &manifest::role_binding(names, account, project),
        )
        .await?;
    }
    let policies = Api::namespaced(cluster.client.clone(), &namespace);
    // Closed first: nothing may run here before the rule that closes everything.
    let closed = manifest::default_deny(names, project);
    let mut tries = if is_new && cluster.config.worker_account.is_some() {
        BINDING_TRIES
    } else {
        0
    };
    while let Err(error) = apply("apply closing NetworkPolicy", &policies, &closed).await {
        if tries == 0 {
            return Err(error);
        }
        tries -= 1;
        tokio::time::sleep(BINDING_TAKES).await;
    }
    apply(
        "apply egress NetworkPolicy",
        &policies,
        &manifest::runner_egress(names, &cluster.config.network, project),
    )
    .await?;
    let quotas = Api::namespaced(cluster.client.clone(), &namespace);
    apply(
        "apply ResourceQuota",
        &quotas,
        &manifest::quota(names, sizes, project, max_live_runs),
    )
    .await?;
    let limits = Api::namespaced(cluster.client.clone(), &namespace);
    apply(
        "apply LimitRange",
        &limits,
        &manifest::limit_range(names, sizes, project),
    )
    .await
}

/// Refuses a namespace that somebody else made under our name; answers whether there is none yet.
async fn require_ours(cluster: &Kubernetes, namespace: &str) -> Result<bool, ClusterError> {
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let Some(found) = call("get Namespace", namespaces.get_opt(namespace)).await? else {
        return Ok(true);
    };
    if !cluster.names.is_ours(Some(found.labels())) {
        return Err(ClusterError::Refused(format!(
            "namespace {namespace} belongs to somebody else; remove it, or choose another prefix for this installation"
        )));
    }
    if found.metadata.deletion_timestamp.is_some() {
        return Err(ClusterError::Unavailable(format!(
            "namespace {namespace} is being deleted"
        )));
    }
    Ok(false)
}
