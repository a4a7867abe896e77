//! The pod of design section 8: a supervisor that holds the secrets, beside an agent that holds none.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, ExecAction, PodSecurityContext, PodSpec, Probe, ResourceRequirements,
    SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use orchestrator::agent::Adapter;
use orchestrator::ports::cluster::RunnerPod;

use super::volume::{CONTROL_DIR, HOME, PRIVATE_DIR, SECRET_DIR, TOOLS_DIR, WORKSPACE};
use super::{mib, quantities, volume};
use crate::kubernetes::config::{KubernetesConfig, RunnerSizes};
use crate::kubernetes::names::runner_name;
use crate::kubernetes::run_label;

pub(in crate::kubernetes) const SUPERVISOR: &str = "supervisor";
pub(in crate::kubernetes) const AGENT: &str = "agent";

/// Made by the supervisor in the control folder.
pub(super) const SOCKET: &str = "supervisor.sock";

const SUPERVISOR_UID: i64 = 10_001;
const AGENT_UID: i64 = 10_002;
/// The group both belong to: volumes are made writable for it.
const SHARED_GROUP: i64 = 10_000;

/// Time for the snapshot and the last word after SIGTERM.
const GRACE_SECONDS: i64 = 120;
const TERMINATION_LOG: &str = "/dev/termination-log";
/// Room for a container's own log and what else it writes outside of volumes.
const LOG_MIB: u32 = 512;

impl RunnerSizes {
    /// All the disk one pod may fill.
    pub(super) fn pod_disk_mib(&self) -> u32 {
        self.supervisor_disk_mib().saturating_add(self.agent_disk_mib())
    }

    fn supervisor_disk_mib(&self) -> u32 {
        self.private_mib
            .saturating_add(self.tmp_mib)
            .saturating_add(LOG_MIB)
    }

    fn agent_disk_mib(&self) -> u32 {
        [
            self.workspace_mib,
            self.agent_home_mib,
            self.tmp_mib,
            self.tools_mib,
        ]
        .into_iter()
        .fold(LOG_MIB, u32::saturating_add)
    }
}

pub(super) fn pod(config: &KubernetesConfig, wanted: &RunnerPod) -> PodSpec {
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        runtime_class_name: wanted.runtime_class.clone(),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            fs_group: Some(SHARED_GROUP),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(seccomp()),
            ..PodSecurityContext::default()
        }),
        init_containers: Some(vec![install(config, wanted.adapter), supervisor(config, wanted)]),
        containers: vec![agent(config, wanted)],
        volumes: Some(volume::volumes(&config.sizes, &runner_name(&wanted.key))),
        ..PodSpec::default()
    }
}

/// Copies our program and the agent's command line beside whatever image the project runs.
fn install(config: &KubernetesConfig, adapter: Adapter) -> Container {
    Container {
        name: "install".to_owned(),
        image: Some(config.runner_image.clone()),
        command: Some(install_command(config, adapter)),
        resources: Some(supervisor_resources(&config.sizes)),
        volume_mounts: Some(volume::install_mounts()),
        ..common(config, SUPERVISOR_UID)
    }
}

fn install_command(config: &KubernetesConfig, adapter: Adapter) -> Vec<String> {
    let mut command = words(&["agent-runner", "install", TOOLS_DIR]);
    // Each of them is hundreds of megabytes, copied at every start.
    let programs = match adapter {
        Adapter::Codex | Adapter::Command => &config.runner_programs,
        Adapter::Claude => &config.claude_programs,
    };
    for file in programs.iter().filter(|file| !file.is_empty()) {
        command.extend(["--also".to_owned(), file.clone()]);
    }
    command
}

/// A native sidecar: it starts before the agent, and the cluster ends it after the agent.
fn supervisor(config: &KubernetesConfig, wanted: &RunnerPod) -> Container {
    Container {
        name: SUPERVISOR.to_owned(),
        image: Some(config.runner_image.clone()),
        command: Some(words(&["agent-runner", "supervise"])),
        env: Some(supervisor_environment(config, wanted)),
        restart_policy: Some("Always".to_owned()),
        // The agent's program connects once; it must find somebody listening.
        startup_probe: Some(Probe {
            exec: Some(ExecAction {
                command: Some(words(&["test", "-S", &format!("{CONTROL_DIR}/{SOCKET}")])),
            }),
            period_seconds: Some(1),
            timeout_seconds: Some(5),
            failure_threshold: Some(60),
            ..Probe::default()
        }),
        resources: Some(supervisor_resources(&config.sizes)),
        volume_mounts: Some(volume::supervisor_mounts()),
        ..common(config, SUPERVISOR_UID)
    }
}

/// The project's image with our program as its first process. It holds no secret and knows no address.
fn agent(config: &KubernetesConfig, wanted: &RunnerPod) -> Container {
    let environment = BTreeMap::from([
        ("CODEXK8S_CONTROL_DIR".to_owned(), CONTROL_DIR.to_owned()),
        ("CODEXK8S_WORKSPACE".to_owned(), WORKSPACE.to_owned()),
        ("HOME".to_owned(), HOME.to_owned()),
    ]);
    Container {
        name: AGENT.to_owned(),
        image: Some(
            wanted
                .agent_image
                .clone()
                .unwrap_or_else(|| config.agent_image.clone()),
        ),
        command: Some(words(&[&format!("{TOOLS_DIR}/bin/agent-runner"), "agent"])),
        working_dir: Some(WORKSPACE.to_owned()),
        env: Some(variables(environment)),
        resources: Some(resources(
            Quantity(wanted.cpu.clone()),
            Quantity(wanted.memory.clone()),
            config.sizes.agent_disk_mib(),
        )),
        volume_mounts: Some(volume::agent_mounts()),
        ..common(config, AGENT_UID)
    }
}

fn common(config: &KubernetesConfig, uid: i64) -> Container {
    Container {
        image_pull_policy: Some(config.image_pull_policy.as_str().to_owned()),
        security_context: Some(SecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(uid),
            // Without it the group is 0.
            run_as_group: Some(uid),
            privileged: Some(false),
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                add: None,
                drop: Some(words(&["ALL"])),
            }),
            seccomp_profile: Some(seccomp()),
            ..SecurityContext::default()
        }),
        termination_message_path: Some(TERMINATION_LOG.to_owned()),
        termination_message_policy: Some("File".to_owned()),
        ..Container::default()
    }
}

fn supervisor_environment(config: &KubernetesConfig, wanted: &RunnerPod) -> Vec<EnvVar> {
    let all = [
        ("CODEXK8S_MCP_URL", config.mcp_url.to_string()),
        ("CODEXK8S_RUN_ID", run_label(wanted.key.run_id)),
        ("CODEXK8S_TURN", wanted.key.turn.to_string()),
        ("CODEXK8S_SECRET_DIR", SECRET_DIR.to_owned()),
        ("CODEXK8S_PRIVATE_DIR", PRIVATE_DIR.to_owned()),
        ("CODEXK8S_CONTROL_DIR", CONTROL_DIR.to_owned()),
        ("CODEXK8S_AGENT_UID", AGENT_UID.to_string()),
        ("CODEXK8S_TERMINATION_LOG", TERMINATION_LOG.to_owned()),
    ];
    variables(all.map(|(name, value)| (name.to_owned(), value)).into())
}

fn variables(all: BTreeMap<String, String>) -> Vec<EnvVar> {
    all.into_iter()
        .map(|(name, value)| EnvVar {
            name,
            value: Some(value),
            ..EnvVar::default()
        })
        .collect()
}

fn supervisor_resources(sizes: &RunnerSizes) -> ResourceRequirements {
    let cpu = Quantity(sizes.supervisor_cpu.clone());
    resources(
        cpu,
        Quantity(sizes.supervisor_memory.clone()),
        sizes.supervisor_disk_mib(),
    )
}

/// Requests equal limits: a runner neither lives from what others leave over nor takes it from them.
fn resources(cpu: Quantity, memory: Quantity, disk_mib: u32) -> ResourceRequirements {
    let all = quantities([
        ("cpu", cpu),
        ("memory", memory),
        ("ephemeral-storage", mib(disk_mib)),
    ]);
    ResourceRequirements {
        limits: Some(all.clone()),
        requests: Some(all),
        ..ResourceRequirements::default()
    }
}

fn seccomp() -> SeccompProfile {
    SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        localhost_profile: None,
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}
