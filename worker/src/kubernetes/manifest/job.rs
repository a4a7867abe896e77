use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use kube::api::ObjectMeta;
use orchestrator::ports::cluster::RunnerPod;

use super::{metadata, pod};
use crate::kubernetes::config::KubernetesConfig;
use crate::kubernetes::names::{Names, TRACEPARENT, runner_name};

/// The cluster removes an ended Job by itself after this long, should nobody else.
const KEPT_SECONDS: i32 = 3_600;

/// A runner's Job, suspended: its pod must not start before the Secret is there and the fence was checked again.
pub(in crate::kubernetes) fn job(names: &Names, config: &KubernetesConfig, wanted: &RunnerPod) -> Job {
    let labels = names.runner_labels(&wanted.key);
    let annotations = BTreeMap::from([(TRACEPARENT.to_owned(), wanted.traceparent.clone())]);
    let mut metadata = metadata(
        &names.namespace(&wanted.key.project),
        &runner_name(&wanted.key),
        labels.clone(),
    );
    metadata.annotations = Some(annotations.clone());
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(pod::pod(config, wanted)),
    };
    let spec = JobSpec {
        suspend: Some(true),
        completions: Some(1),
        parallelism: Some(1),
        // A second try would be a turn that nobody admitted.
        backoff_limit: Some(0),
        // A pod that is being deleted still writes: no other may start beside it.
        pod_replacement_policy: Some("Failed".to_owned()),
        active_deadline_seconds: Some(wanted.deadline_seconds),
        ttl_seconds_after_finished: Some(KEPT_SECONDS),
        template,
        ..JobSpec::default()
    };
    Job {
        metadata,
        spec: Some(spec),
        ..Job::default()
    }
}
