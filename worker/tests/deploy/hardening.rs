use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::manifests::{self, containers};

fn pods() -> Vec<(String, PodSpec)> {
    let found: Vec<(String, PodSpec)> = manifests::all()
        .iter()
        .filter_map(|manifest| Some((manifest.name().to_owned(), manifest.pod()?)))
        .collect();
    assert_eq!(
        found.len(),
        6,
        "three programs, the console, the migration, the database"
    );
    found
}

#[test]
fn no_pod_has_more_rights_than_it_needs() {
    for (name, pod) in pods() {
        let security = pod.security_context.as_ref().expect("a security context");
        assert_eq!(security.run_as_non_root, Some(true), "{name}");
        assert!(
            security.run_as_user > Some(0) && security.run_as_group > Some(0),
            "{name}"
        );
        let seccomp = security
            .seccomp_profile
            .as_ref()
            .map(|profile| profile.type_.as_str());
        assert_eq!(seccomp, Some("RuntimeDefault"), "{name}");
        assert_eq!(
            pod.automount_service_account_token,
            Some(name == "worker"),
            "{name}"
        );
        assert_eq!(pod.enable_service_links, Some(false), "{name}");
        assert_eq!(
            (pod.host_network, pod.host_pid, pod.host_ipc),
            (None, None, None),
            "{name}"
        );
        assert!(
            pod.volumes
                .iter()
                .flatten()
                .all(|volume| volume.host_path.is_none()),
            "{name}"
        );
        for container in containers(&pod) {
            assert_hardened(&name, container);
        }
    }
}

fn assert_hardened(pod: &str, container: &Container) {
    let at = format!("{pod}/{}", container.name);
    let security = container.security_context.as_ref().expect("a security context");
    assert_eq!(security.read_only_root_filesystem, Some(true), "{at}");
    assert_eq!(security.allow_privilege_escalation, Some(false), "{at}");
    assert_eq!(security.privileged, None, "{at}");
    let capabilities = security.capabilities.as_ref().expect("capabilities");
    assert_eq!(
        (capabilities.drop.as_deref(), &capabilities.add),
        (Some(&["ALL".to_owned()][..]), &None),
        "{at}"
    );
    let resources = container.resources.as_ref().expect("resources");
    let has = |of: &Option<std::collections::BTreeMap<_, _>>, what: &str| {
        of.as_ref().is_some_and(|all| all.contains_key(what))
    };
    assert!(
        has(&resources.requests, "cpu") && has(&resources.requests, "memory"),
        "{at}: requests"
    );
    assert!(has(&resources.limits, "memory"), "{at}: a limit of memory");
}

#[test]
fn secrets_are_files_never_environment() {
    for (name, pod) in pods() {
        for container in containers(&pod) {
            assert_eq!(container.env_from, None, "{name}: environment from elsewhere");
            let from_secret = container
                .env
                .iter()
                .flatten()
                .filter(|variable| variable.value_from.is_some());
            assert_eq!(from_secret.count(), 0, "{name}: environment from elsewhere");
        }
        for mount in containers(&pod).flat_map(|container| container.volume_mounts.iter().flatten()) {
            let volumes = pod.volumes.iter().flatten();
            let mut secrets = volumes
                .filter(|volume| volume.secret.is_some())
                .map(|volume| &volume.name);
            if secrets.any(|secret| *secret == mount.name) {
                assert_eq!(mount.read_only, Some(true), "{name}: {}", mount.mount_path);
            }
        }
    }
}

#[test]
fn every_program_is_probed_on_its_internal_port_and_survives_a_drain() {
    let all = manifests::all();
    for deployment in all.iter().filter(|manifest| manifest.kind() == "Deployment") {
        let name = deployment.name();
        let pod = deployment.pod().expect("a pod");
        let container = &pod.containers[0];
        for probe in [
            &container.startup_probe,
            &container.readiness_probe,
            &container.liveness_probe,
        ] {
            let get = probe
                .as_ref()
                .and_then(|probe| probe.http_get.as_ref())
                .expect("an HTTP probe");
            let port = serde_json::to_value(&get.port).expect("a port");
            assert_eq!(port, "internal", "{name}");
        }
        let of = |kind: &str| {
            all.iter()
                .any(|other| other.kind() == kind && other.name() == name)
        };
        assert!(of("PodDisruptionBudget"), "{name} has a disruption budget");
        assert!(of("NetworkPolicy"), "{name} has a network policy");
        assert_eq!(
            of("ServiceAccount"),
            name == "worker",
            "only the worker has an account"
        );
    }
}
