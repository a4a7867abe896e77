use k8s_openapi::api::rbac::v1::{RoleBinding, RoleRef, Subject};

use super::metadata;
use crate::kubernetes::config::Account;
use crate::kubernetes::names::Names;

/// Cluster role of `deploy/base/worker`: what the worker may do inside a runner namespace, and only there.
const ROLE: &str = "codex-k8s-runner-namespace";

/// Gives the worker its rights in a namespace it has just made, so that it needs none in the others.
pub(in crate::kubernetes) fn role_binding(names: &Names, account: &Account, project: &str) -> RoleBinding {
    RoleBinding {
        metadata: metadata(
            &names.namespace(project),
            "codex-k8s-worker",
            names.project_labels(project),
        ),
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "ClusterRole".to_owned(),
            name: ROLE.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            namespace: Some(account.namespace.clone()),
            name: account.name.clone(),
            ..Subject::default()
        }]),
    }
}
