use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem, LimitRangeSpec};

use super::{metadata, mib, millis, quantities};
use crate::kubernetes::config::RunnerSizes;
use crate::kubernetes::names::Names;

/// What one pod may use, whatever a profile asks for, and what a container gets that says nothing.
pub(in crate::kubernetes) fn limit_range(names: &Names, sizes: &RunnerSizes, project: &str) -> LimitRange {
    let largest = quantities([
        ("cpu", millis(sizes.pod_max_cpu_millis)),
        ("memory", mib(sizes.pod_max_memory_mib)),
        ("ephemeral-storage", mib(sizes.pod_disk_mib())),
    ]);
    let silent = quantities([
        ("cpu", millis(100)),
        ("memory", mib(128)),
        ("ephemeral-storage", mib(256)),
    ]);
    let pod = LimitRangeItem {
        type_: "Pod".to_owned(),
        max: Some(largest),
        ..LimitRangeItem::default()
    };
    let container = LimitRangeItem {
        type_: "Container".to_owned(),
        default: Some(silent.clone()),
        default_request: Some(silent),
        ..LimitRangeItem::default()
    };
    LimitRange {
        metadata: metadata(
            &names.namespace(project),
            "runners",
            names.project_labels(project),
        ),
        spec: Some(LimitRangeSpec {
            limits: vec![pod, container],
        }),
    }
}
