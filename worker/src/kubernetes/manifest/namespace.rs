use k8s_openapi::api::core::v1::Namespace;
use kube::api::ObjectMeta;

use crate::kubernetes::names::Names;

/// A project's namespace. The pod-security labels make the cluster itself refuse a pod with more rights than ours has.
pub(in crate::kubernetes) fn namespace(names: &Names, project: &str) -> Namespace {
    let mut labels = names.project_labels(project);
    for mode in ["enforce", "audit", "warn"] {
        labels.insert(
            format!("pod-security.kubernetes.io/{mode}"),
            "restricted".to_owned(),
        );
        labels.insert(
            format!("pod-security.kubernetes.io/{mode}-version"),
            "latest".to_owned(),
        );
    }
    Namespace {
        metadata: ObjectMeta {
            name: Some(names.namespace(project)),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}
