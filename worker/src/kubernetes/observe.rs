//! What a Job and its pods say about a runner.

use k8s_openapi::api::batch::v1::{Job, JobCondition};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodStatus};
use kube::ResourceExt;
use orchestrator::ports::cluster::RunnerPhase;

use super::manifest::{AGENT, SUPERVISOR};

/// Longest word of a supervisor that is passed on, in characters; the cluster itself keeps 4 KiB.
const MAX_MESSAGE: usize = 4_096;

/// Reasons of a pod that ended through no deed of its own (kubelet and node life-cycle controllers).
const TAKEN_AWAY: [&str; 6] = [
    "Evicted",
    "NodeLost",
    "NodeShutdown",
    "NodeAffinity",
    "Preempting",
    "Terminated",
];

/// Waits that every start goes through: they explain nothing.
const ORDINARY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// Reads the phase of a runner; of several pods the newest counts.
pub(super) fn phase(job: &Job, pods: &[&Pod]) -> RunnerPhase {
    let newest = pods
        .iter()
        .max_by_key(|pod| pod.creation_timestamp().map(|made| made.0));
    match newest.and_then(|pod| pod.status.as_ref()) {
        Some(status) => of_pod(status),
        None if newest.is_some() => RunnerPhase::Pending { waits_for: None },
        None => without_pod(job),
    }
}

fn without_pod(job: &Job) -> RunnerPhase {
    if condition(job, "Complete").is_some() {
        return RunnerPhase::Ended {
            succeeded: true,
            message: None,
            oom: false,
        };
    }
    if let Some(failed) = condition(job, "Failed").or_else(|| condition(job, "FailureTarget")) {
        // The cluster removes the pod of a Job past its deadline; any other pod that is gone was taken away.
        return if failed.reason.as_deref() == Some("DeadlineExceeded") {
            RunnerPhase::Ended {
                succeeded: false,
                message: None,
                oom: false,
            }
        } else {
            RunnerPhase::Lost
        };
    }
    if job.status.as_ref().and_then(|status| status.failed).unwrap_or(0) > 0 {
        return RunnerPhase::Lost;
    }
    let suspended = job.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false);
    let what = if suspended {
        "its release"
    } else {
        "the cluster to make its pod"
    };
    RunnerPhase::Pending {
        waits_for: Some(what.to_owned()),
    }
}

fn condition<'a>(job: &'a Job, kind: &str) -> Option<&'a JobCondition> {
    let all = job.status.as_ref()?.conditions.as_ref()?;
    all.iter()
        .find(|condition| condition.type_ == kind && condition.status == "True")
}

fn of_pod(status: &PodStatus) -> RunnerPhase {
    match status.phase.as_deref() {
        Some("Succeeded") => ended(status, true),
        Some("Failed") => ended(status, false),
        _ => unended(status),
    }
}

/// Once the agent's container ran, the runner counts as running until its pod has ended.
fn unended(status: &PodStatus) -> RunnerPhase {
    let agent = containers(status).find(|found| found.name == AGENT);
    match agent.and_then(|found| found.state.as_ref()) {
        Some(state) if state.running.is_some() => RunnerPhase::Running,
        Some(ContainerState {
            terminated: Some(end),
            ..
        }) => RunnerPhase::AgentEnded {
            oom: is_out_of_memory(end),
        },
        _ => RunnerPhase::Pending {
            waits_for: waits_for(status),
        },
    }
}

/// Exit code 137 alone says only that somebody killed it.
fn is_out_of_memory(end: &ContainerStateTerminated) -> bool {
    end.reason.as_deref() == Some("OOMKilled")
}

fn ended(status: &PodStatus, succeeded: bool) -> RunnerPhase {
    let message = last_word(status);
    let taken_away = status
        .reason
        .as_deref()
        .is_some_and(|reason| TAKEN_AWAY.contains(&reason));
    // Whoever could say why it ended knows better than the cluster.
    if taken_away && message.is_none() {
        return RunnerPhase::Lost;
    }
    let oom = terminated(status, AGENT).is_some_and(is_out_of_memory);
    RunnerPhase::Ended {
        succeeded,
        message,
        oom,
    }
}

fn last_word(status: &PodStatus) -> Option<String> {
    let text = terminated(status, SUPERVISOR)?.message.as_deref()?.trim();
    (!text.is_empty()).then(|| text.chars().take(MAX_MESSAGE).collect())
}

/// A restarted sidecar's last end may be the one before its current life.
fn terminated<'a>(status: &'a PodStatus, container: &str) -> Option<&'a ContainerStateTerminated> {
    let of = |state: &'a Option<ContainerState>| state.as_ref().and_then(|state| state.terminated.as_ref());
    let found = containers(status).find(|found| found.name == container)?;
    of(&found.state).or_else(|| of(&found.last_state))
}

fn waits_for(status: &PodStatus) -> Option<String> {
    let stuck = containers(status).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting
            .reason
            .as_deref()
            .filter(|reason| !ORDINARY.contains(reason))?;
        Some(with_detail(
            &format!("{reason} ({})", container.name),
            waiting.message.as_deref(),
        ))
    });
    let unplaced = || {
        let all = status.conditions.as_ref()?;
        let placed = all.iter().find(|condition| condition.type_ == "PodScheduled")?;
        let reason = placed.reason.as_deref().filter(|_| placed.status == "False")?;
        Some(with_detail(reason, placed.message.as_deref()))
    };
    stuck.or_else(unplaced)
}

fn with_detail(reason: &str, detail: Option<&str>) -> String {
    let text = detail.map_or_else(|| reason.to_owned(), |detail| format!("{reason}: {detail}"));
    text.chars().take(500).collect()
}

fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status
        .init_container_statuses
        .iter()
        .flatten()
        .chain(status.container_statuses.iter().flatten())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn seen(job: &Value, pod: Option<&Value>) -> RunnerPhase {
        let job: Job = serde_json::from_value(job.clone()).expect("a Job");
        let read = |status: &Value| serde_json::from_value(json!({"status": status})).expect("a pod");
        let pod: Option<Pod> = pod.map(read);
        phase(&job, &pod.iter().collect::<Vec<_>>())
    }

    fn job(suspend: bool, status: &Value) -> Value {
        json!({"metadata": {}, "spec": {"suspend": suspend, "template": {}}, "status": status})
    }

    fn seen_pod(status: &Value) -> RunnerPhase {
        seen(&job(false, &json!({})), Some(status))
    }

    fn container(name: &str, state: &Value) -> Value {
        json!([{"name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}])
    }

    #[test]
    fn before_it_runs_it_says_what_it_waits_for() {
        let waits = |text: &str| RunnerPhase::Pending {
            waits_for: Some(text.to_owned()),
        };
        assert_eq!(seen(&job(true, &json!({})), None), waits("its release"));
        assert_eq!(
            seen(&job(false, &json!({})), None),
            waits("the cluster to make its pod")
        );
        let image = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        let pod = json!({"phase": "Pending", "containerStatuses": container("agent", &image)});
        assert_eq!(seen_pod(&pod), waits("ImagePullBackOff (agent): no such image"));
        let unplaced =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]);
        assert_eq!(
            seen_pod(&json!({"phase": "Pending", "conditions": unplaced})),
            waits("Unschedulable: 0/3")
        );
        let ordinary = container("agent", &json!({"waiting": {"reason": "PodInitializing"}}));
        let pod = json!({"phase": "Pending", "containerStatuses": ordinary});
        assert_eq!(seen_pod(&pod), RunnerPhase::Pending { waits_for: None });
    }

    #[test]
    fn it_runs_until_its_pod_has_ended() {
        for (state, phase) in [
            (json!({"running": {}}), RunnerPhase::Running),
            (
                json!({"terminated": {"exitCode": 0}}),
                RunnerPhase::AgentEnded { oom: false },
            ),
            (
                json!({"terminated": {"exitCode": 137, "reason": "Error"}}),
                RunnerPhase::AgentEnded { oom: false },
            ),
            (
                json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
                RunnerPhase::AgentEnded { oom: true },
            ),
        ] {
            let pod = json!({"phase": "Running", "containerStatuses": container("agent", &state)});
            assert_eq!(seen_pod(&pod), phase);
        }
    }

    #[test]
    fn its_end_carries_the_supervisors_last_word() {
        let word = json!({"terminated": {"exitCode": 1, "message": " {\"reason\":\"environment\"}\n"}});
        let supervisor = container("supervisor", &word);
        let pod = json!({"phase": "Failed", "reason": "Evicted", "initContainerStatuses": supervisor});
        let message = Some("{\"reason\":\"environment\"}".to_owned());
        assert_eq!(
            seen_pod(&pod),
            RunnerPhase::Ended {
                succeeded: false,
                message,
                oom: false
            }
        );
        let oom = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let pod = json!({"phase": "Failed", "containerStatuses": container("agent", &oom)});
        assert_eq!(
            seen_pod(&pod),
            RunnerPhase::Ended {
                succeeded: false,
                message: None,
                oom: true
            }
        );
        let succeeded = RunnerPhase::Ended {
            succeeded: true,
            message: None,
            oom: false,
        };
        assert_eq!(seen_pod(&json!({"phase": "Succeeded"})), succeeded);
        let complete = json!({"conditions": [{"type": "Complete", "status": "True"}]});
        assert_eq!(seen(&job(false, &complete), None), succeeded);
    }

    #[test]
    fn a_pod_that_was_taken_away_is_lost() {
        assert_eq!(
            seen_pod(&json!({"phase": "Failed", "reason": "Evicted"})),
            RunnerPhase::Lost
        );
        let failed = |reason: &str| {
            let status = json!({"conditions": [{"type": "Failed", "status": "True", "reason": reason}]});
            seen(&job(false, &status), None)
        };
        assert_eq!(failed("BackoffLimitExceeded"), RunnerPhase::Lost);
        let ended = RunnerPhase::Ended {
            succeeded: false,
            message: None,
            oom: false,
        };
        assert_eq!(failed("DeadlineExceeded"), ended);
        assert_eq!(seen(&job(false, &json!({"failed": 1})), None), RunnerPhase::Lost);
    }
}
