use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::manifests;

#[test]
fn every_document_is_what_it_says_and_nothing_is_misspelt() {
    for manifest in manifests::all() {
        let content = &manifest.content;
        let read = match manifest.kind() {
            "ClusterRole" => again::<ClusterRole>(content),
            "ClusterRoleBinding" => again::<ClusterRoleBinding>(content),
            "Deployment" => again::<Deployment>(content),
            "Job" => again::<Job>(content),
            "Namespace" => again::<Namespace>(content),
            "NetworkPolicy" => again::<NetworkPolicy>(content),
            "PodDisruptionBudget" => again::<PodDisruptionBudget>(content),
            "Service" => again::<Service>(content),
            "ServiceAccount" => again::<ServiceAccount>(content),
            "StatefulSet" => again::<StatefulSet>(content),
            "ValidatingAdmissionPolicy" => again::<ValidatingAdmissionPolicy>(content),
            "ValidatingAdmissionPolicyBinding" => again::<ValidatingAdmissionPolicyBinding>(content),
            other => panic!("{}: a kind this test does not know: {other}", manifest.file),
        };
        let read = read.unwrap_or_else(|error| panic!("{}/{}: {error}", manifest.service, manifest.file));
        let lost = lost("", content, &read);
        assert_eq!(
            lost,
            Vec::<String>::new(),
            "{}/{}: unknown fields",
            manifest.service,
            manifest.file
        );
    }
}

/// Reads as the type and writes again: what the type does not know is lost on the way.
fn again<K: DeserializeOwned + Serialize>(content: &Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<K>(content.clone())?)
}

/// Paths that are in one and not in the other.
fn lost(at: &str, before: &Value, after: &Value) -> Vec<String> {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before
            .iter()
            .flat_map(|(name, value)| {
                let at = format!("{at}/{name}");
                after
                    .get(name)
                    .map_or_else(|| vec![at.clone()], |found| lost(&at, value, found))
            })
            .collect(),
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let pairs = before.iter().zip(after).enumerate();
            pairs
                .flat_map(|(index, (before, after))| lost(&format!("{at}/{index}"), before, after))
                .collect()
        }
        (before, after) if before == after => Vec::new(),
        _ => vec![at.to_owned()],
    }
}

#[test]
fn a_misspelt_field_is_found() {
    let service = serde_json::json!({"spec": {"ports": [{"port": 80, "targetport": 1}]}});
    assert_eq!(
        lost("", &service, &again::<Service>(&service).expect("a service")),
        ["/spec/ports/0/targetport"]
    );
}
