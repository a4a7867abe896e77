//! The pod speaks the words of the program it starts.

use std::path::Path;

use agent_runner::config::{Cli, Mode};
use agent_runner::wire::SOCKET_NAME;
use clap::{CommandFactory as _, Parser as _};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use orchestrator::agent::Adapter;
use orchestrator::ports::cluster::RunnerPod;

use super::tests::{a_config, a_pod};
use super::{job, pod, volume};
use crate::kubernetes::names::Names;

fn a_runners_pod() -> PodSpec {
    a_pod_for(Adapter::Codex)
}

fn a_pod_for(adapter: Adapter) -> PodSpec {
    let wanted = RunnerPod { adapter, ..a_pod() };
    let job = job(&Names::new("codexk8s"), &a_config(), &wanted);
    job.spec.and_then(|spec| spec.template.spec).expect("a pod")
}

fn container<'a>(pod: &'a PodSpec, name: &str) -> &'a Container {
    let mut all = pod.init_containers.iter().flatten().chain(&pod.containers);
    all.find(|container| container.name == name).expect("there")
}

/// Names of the environment that a mode reads.
fn read_by(mode: &str) -> Vec<String> {
    let command = Cli::command();
    let command = command.find_subcommand(mode).expect("a mode");
    command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()))
        .collect()
}

#[test]
fn the_files_are_installed_where_the_agent_starts_them() {
    for (adapter, program) in [(Adapter::Codex, "codex"), (Adapter::Claude, "claude")] {
        let spec = a_pod_for(adapter);
        let command = container(&spec, "install").command.as_ref().expect("a command");
        let Mode::Install(install) = Cli::parse_from(command).mode else {
            panic!("{command:?}")
        };
        let ends = format!("=bin/{program}");
        assert!(
            install.also.iter().any(|file| file.ends_with(&ends)),
            "{install:?}"
        );
        assert_eq!(install.dir, Path::new(volume::TOOLS_DIR));
        let agent = container(&spec, pod::AGENT).command.as_ref().expect("a command");
        assert_eq!(Path::new(&agent[0]), install.dir.join("bin/agent-runner"));
    }
}

#[test]
fn each_mode_reads_what_its_container_is_told() {
    let spec = a_runners_pod();
    for (name, mode) in [(pod::SUPERVISOR, "supervise"), (pod::AGENT, "agent")] {
        let container = container(&spec, name);
        let command = container.command.as_ref().expect("a command");
        assert_eq!(command[1..], [mode.to_owned()], "{name}");
        let read = read_by(mode);
        let told = container.env.iter().flatten().map(|variable| &variable.name);
        for variable in told.filter(|variable| variable.starts_with("CODEXK8S_")) {
            assert!(read.contains(variable), "{mode} does not read {variable}");
        }
    }
}

#[test]
fn the_probe_looks_for_the_supervisors_socket() {
    assert_eq!(pod::SOCKET, SOCKET_NAME);
}
