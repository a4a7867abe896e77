use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata;
use crate::kubernetes::cidr::Cidr;
use crate::kubernetes::config::RunnerNetwork;
use crate::kubernetes::names::{Names, runner_component};

/// Nobody reaches a pod of the namespace, and no pod reaches anybody: what is open is opened by another policy.
pub(in crate::kubernetes) fn default_deny(names: &Names, project: &str) -> NetworkPolicy {
    let spec = NetworkPolicySpec {
        pod_selector: Some(LabelSelector::default()),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        ..NetworkPolicySpec::default()
    };
    policy(names, project, "default-deny", spec)
}

/// What a runner may reach: DNS, the tools, and the configured ranges.
pub(in crate::kubernetes) fn runner_egress(
    names: &Names,
    network: &RunnerNetwork,
    project: &str,
) -> NetworkPolicy {
    let mut rules = vec![
        rule(
            vec![pods_of(&network.dns_namespace, None)],
            vec![port("UDP", 53), port("TCP", 53)],
        ),
        rule(
            vec![pods_of(&network.platform_namespace, Some(&network.mcp_pod))],
            vec![port("TCP", network.mcp_port)],
        ),
    ];
    // A rule without peers would mean "everywhere".
    if !network.egress.0.is_empty() {
        let peers = network
            .egress
            .0
            .iter()
            .map(|range| block(range, &network.egress_except.0))
            .collect();
        rules.push(rule(
            peers,
            network
                .egress_ports
                .iter()
                .map(|number| port("TCP", *number))
                .collect(),
        ));
    }
    let spec = NetworkPolicySpec {
        pod_selector: Some(selector(runner_component())),
        policy_types: Some(vec!["Egress".to_owned()]),
        egress: Some(rules),
        ..NetworkPolicySpec::default()
    };
    policy(names, project, "runner-egress", spec)
}

fn policy(names: &Names, project: &str, name: &str, spec: NetworkPolicySpec) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(&names.namespace(project), name, names.project_labels(project)),
        spec: Some(spec),
    }
}

fn rule(to: Vec<NetworkPolicyPeer>, ports: Vec<NetworkPolicyPort>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule {
        to: Some(to),
        ports: Some(ports),
    }
}

fn pods_of(namespace: &str, name: Option<&str>) -> NetworkPolicyPeer {
    let label = |label: &str, value: &str| selector(BTreeMap::from([(label.to_owned(), value.to_owned())]));
    NetworkPolicyPeer {
        namespace_selector: Some(label("kubernetes.io/metadata.name", namespace)),
        pod_selector: name.map(|name| label("app.kubernetes.io/name", name)),
        ..NetworkPolicyPeer::default()
    }
}

/// The cluster refuses an exception that lies outside its range.
fn block(range: &Cidr, except: &[Cidr]) -> NetworkPolicyPeer {
    let within = except.iter().filter(|smaller| range.strictly_contains(smaller));
    let except: Vec<String> = within.map(ToString::to_string).collect();
    let ip_block = IPBlock {
        cidr: range.to_string(),
        except: (!except.is_empty()).then_some(except),
    };
    NetworkPolicyPeer {
        ip_block: Some(ip_block),
        ..NetworkPolicyPeer::default()
    }
}

fn port(protocol: &str, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number.into())),
        end_port: None,
    }
}

fn selector(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        ..LabelSelector::default()
    }
}
