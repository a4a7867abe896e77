//! What the server offers, and to whom.

use std::os::unix::fs::PermissionsExt;

use cluster_sim::{ClusterConfig, ClusterSim};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::discovery::{Discovery, Scope};
use serde_json::{Value, json};

use crate::world::{World, refusal};

async fn get(world: &World, path: &str, accept: &str) -> Value {
    let request = http::Request::get(path)
        .header("accept", accept)
        .body(Vec::new())
        .expect("a request");
    world.client.request(request).await.expect("the path is offered")
}

#[tokio::test]
async fn both_kinds_of_discovery_find_the_same() {
    let world = World::new().await;
    let plain = Discovery::new(world.client.clone())
        .run()
        .await
        .expect("discovery");
    let aggregated = Discovery::new(world.client.clone())
        .run_aggregated()
        .await
        .expect("discovery");
    for discovery in [plain, aggregated] {
        for (group, kind, is_namespaced) in [
            ("", "Pod", true),
            ("", "Namespace", false),
            ("batch", "Job", true),
            ("networking.k8s.io", "NetworkPolicy", true),
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", false),
            ("coordination.k8s.io", "Lease", true),
        ] {
            let wanted = kube::core::GroupVersionKind::gvk(group, "v1", kind);
            let (_, capabilities) = discovery
                .resolve_gvk(&wanted)
                .unwrap_or_else(|| panic!("{kind} is missing"));
            assert_eq!(capabilities.scope == Scope::Namespaced, is_namespaced, "{kind}");
        }
    }
    let version = world.client.apiserver_version().await.expect("a version");
    assert_eq!(version.major, "1");
    world.close().await;
}

#[tokio::test]
async fn every_patch_tells_that_the_server_validates() {
    let world = World::new().await;
    let index = get(&world, "/openapi/v3", "application/json").await;
    let url = index["paths"]["apis/batch/v1"]["serverRelativeURL"]
        .as_str()
        .expect("the group is listed")
        .to_owned();
    let document = get(&world, &url, "application/json").await;
    let patch = &document["paths"]["/apis/batch/v1/namespaces/{namespace}/jobs/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Job");
    let text = patch["parameters"].to_string() + &document["paths"].to_string();
    assert!(text.contains("fieldValidation"));
    world.close().await;
}

#[tokio::test]
async fn lists_can_be_tables() {
    let world = World::new().await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "map"}, "data": {"a": "1"}}))
        .await;
    let path = format!("/api/v1/namespaces/{}/configmaps", world.namespace);
    let table = get(
        &world,
        &path,
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    )
    .await;
    assert_eq!(table["kind"], "Table");
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .expect("columns")
        .iter()
        .filter_map(|c| c["name"].as_str())
        .collect();
    assert_eq!(columns, ["Name", "Data", "Age"]);
    let rows = table["rows"].as_array().expect("rows");
    assert!(rows.iter().any(|row| row["cells"][0] == "map"));
    world.close().await;
}

#[tokio::test]
async fn metadata_can_be_had_alone() {
    let world = World::new().await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "map"}, "data": {"a": "1"}}))
        .await;
    let maps = world.api::<ConfigMap>();
    assert_eq!(
        maps.get_metadata("map")
            .await
            .expect("metadata")
            .metadata
            .name
            .as_deref(),
        Some("map")
    );
    let list = maps
        .list_metadata(&kube::api::ListParams::default())
        .await
        .expect("a list");
    assert!(list.iter().any(|map| map.metadata.name.as_deref() == Some("map")));
    world.close().await;
}

#[tokio::test]
async fn a_wrong_token_opens_nothing() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let sim = world.simulator();
    let mode = std::fs::metadata(sim.kubeconfig_path())
        .expect("it is written")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut config = kube::Config::new(sim.url().parse().expect("a URL"));
    config.auth_info.token = Some("wrong".to_owned().into());
    let client = kube::Client::try_from(config).expect("a client");
    assert_eq!(
        refusal(client.apiserver_version().await),
        (401, "Unauthorized".to_owned())
    );
    world.close().await;
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let config = ClusterConfig {
        listen: ([0, 0, 0, 0], 0).into(),
        data_dir: folder.path().to_owned(),
        images: Vec::new(),
        launcher: env!("CARGO_BIN_EXE_cluster-sim-launcher").into(),
    };
    let refused = ClusterSim::start(config)
        .await
        .expect_err("it must not be reachable from elsewhere");
    assert!(refused.to_string().contains("loopback"));
}
