use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{metadata, mib, millis, quantities};
use crate::kubernetes::config::RunnerSizes;
use crate::kubernetes::names::Names;

/// What all runners of a project may use together: as many whole pods as may live at once.
///
/// Objects have twice the room, because the cluster gives their count back only some time after they are gone, and a
/// refusal then would fail a run for nothing.
pub(in crate::kubernetes) fn quota(
    names: &Names,
    sizes: &RunnerSizes,
    project: &str,
    max_live_runs: i32,
) -> ResourceQuota {
    let runs = u32::try_from(max_live_runs).unwrap_or(0);
    let objects = Quantity(runs.saturating_mul(2).saturating_add(2).to_string());
    let none = Quantity("0".to_owned());
    let cpu = millis(runs.saturating_mul(sizes.pod_max_cpu_millis));
    let memory = mib(runs.saturating_mul(sizes.pod_max_memory_mib));
    let disk = mib(runs.saturating_mul(sizes.pod_disk_mib()));
    let hard = quantities([
        ("requests.cpu", cpu.clone()),
        ("limits.cpu", cpu),
        ("requests.memory", memory.clone()),
        ("limits.memory", memory),
        ("requests.ephemeral-storage", disk.clone()),
        ("limits.ephemeral-storage", disk),
        ("pods", objects.clone()),
        ("count/jobs.batch", objects.clone()),
        ("count/secrets", objects),
        ("services", none.clone()),
        ("persistentvolumeclaims", none),
    ]);
    ResourceQuota {
        metadata: metadata(
            &names.namespace(project),
            "runners",
            names.project_labels(project),
        ),
        spec: Some(ResourceQuotaSpec {
            hard: Some(hard),
            ..ResourceQuotaSpec::default()
        }),
        ..ResourceQuota::default()
    }
}
