//! Every object whole, as the cluster would read it.

use std::collections::BTreeMap;

use clap::Parser;
use orchestrator::agent::Adapter;
use orchestrator::ports::cluster::{RunnerKey, RunnerPod};
use secrecy::SecretString;

use super::*;
use crate::kubernetes::config::{Account, KubernetesConfig, RunnerNetwork};
use crate::kubernetes::names::Names;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    kubernetes: KubernetesConfig,
}

pub(in crate::kubernetes) fn a_config() -> KubernetesConfig {
    let mcp_url = "--runner-mcp-url=http://mcp-server.codex-k8s.svc:8080/mcp";
    let images = [
        "--runner-image=images.example/runner@sha256:11",
        "--agent-image=images.example/agent@sha256:22",
    ];
    Program::try_parse_from([&["worker", mcp_url][..], &images].concat())
        .expect("a configuration")
        .kubernetes
}

pub(in crate::kubernetes) fn a_key() -> RunnerKey {
    RunnerKey {
        project: "shop".to_owned(),
        run_id: "0196a1b2-c3d4-7e5f-8a6b-112233445566".parse().expect("an id"),
        turn: 1,
        fence: 7,
    }
}

pub(in crate::kubernetes) fn a_pod() -> RunnerPod {
    RunnerPod {
        key: a_key(),
        adapter: Adapter::Codex,
        agent_image: None,
        runtime_class: None,
        cpu: "2".to_owned(),
        memory: "4Gi".to_owned(),
        deadline_seconds: 7_200,
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    }
}

fn names() -> Names {
    Names::new("codexk8s")
}

#[test]
fn a_projects_namespace() {
    insta::assert_yaml_snapshot!(namespace(&names(), "shop"));
}

#[test]
fn the_workers_rights_in_it() {
    let account = Account {
        namespace: "codex-k8s".to_owned(),
        name: "worker".to_owned(),
    };
    insta::assert_yaml_snapshot!(role_binding(&names(), &account, "shop"));
}

#[test]
fn what_a_project_may_use() {
    insta::assert_yaml_snapshot!(quota(&names(), &a_config().sizes, "shop", 3));
}

#[test]
fn what_a_pod_may_use() {
    insta::assert_yaml_snapshot!(limit_range(&names(), &a_config().sizes, "shop"));
}

#[test]
fn nobody_talks_to_anybody() {
    insta::assert_yaml_snapshot!(default_deny(&names(), "shop"));
}

#[test]
fn what_a_runner_may_reach() {
    insta::assert_yaml_snapshot!(runner_egress(&names(), &a_config().network, "shop"));
}

#[test]
fn closed_egress_has_no_rule_that_means_everywhere() {
    let mut network = a_config().network;
    network.egress = "140.82.112.0/20".parse().expect("a range");
    let rules = |network: &RunnerNetwork| {
        runner_egress(&names(), network, "shop")
            .spec
            .and_then(|spec| spec.egress)
            .expect("rules")
    };
    let narrow = rules(&network);
    let block = narrow[2]
        .to
        .as_ref()
        .and_then(|to| to[0].ip_block.as_ref())
        .expect("a range");
    assert_eq!(
        (block.cidr.as_str(), &block.except),
        ("140.82.112.0/20", &None),
        "no exception lies within it"
    );
    network.egress.0.clear();
    assert_eq!(rules(&network).len(), 2, "DNS and the tools");
}

#[test]
fn a_runner() {
    insta::assert_yaml_snapshot!(job(&names(), &a_config(), &a_pod()));
}

#[test]
fn a_runner_as_its_profile_and_repository_want_it() {
    let wanted = RunnerPod {
        agent_image: Some("images.example/shop@sha256:33".to_owned()),
        runtime_class: Some("gvisor".to_owned()),
        ..a_pod()
    };
    let spec = job(&names(), &a_config(), &wanted)
        .spec
        .and_then(|spec| spec.template.spec)
        .expect("a pod");
    assert_eq!(spec.runtime_class_name.as_deref(), Some("gvisor"));
    assert_eq!(
        spec.containers[0].image.as_deref(),
        Some("images.example/shop@sha256:33")
    );
}

#[test]
fn the_agent_mounts_nothing_secret() {
    let spec = job(&names(), &a_config(), &a_pod())
        .spec
        .and_then(|spec| spec.template.spec)
        .expect("a pod");
    let holders = |volume: &str| -> Vec<String> {
        let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
        let holds = |container: &&k8s_openapi::api::core::v1::Container| {
            container
                .volume_mounts
                .iter()
                .flatten()
                .any(|mount| mount.name == volume)
        };
        containers
            .filter(holds)
            .map(|container| container.name.clone())
            .collect()
    };
    assert_eq!(holders("secret"), [SUPERVISOR]);
    assert_eq!(holders("private"), [SUPERVISOR]);
    assert_eq!(holders("supervisor-tmp"), [SUPERVISOR]);
    assert_eq!(
        holders("workspace"),
        [AGENT],
        "nothing the agent wrote is in the supervisor's way"
    );
    assert_eq!(holders("home"), [AGENT]);
}

#[test]
fn a_runners_secret() {
    let files = BTreeMap::from([
        (SUPERVISOR_TOKEN_FILE.to_owned(), SecretString::from("one")),
        (AGENT_TOKEN_FILE.to_owned(), SecretString::from("two")),
        (MODEL_KEY_FILE.to_owned(), SecretString::from("three")),
        (MODEL_HOST_FILE.to_owned(), SecretString::from("four")),
    ]);
    insta::assert_yaml_snapshot!(secret(&names(), &a_key(), "6f1c0b9e-job", &files));
}
