//! The four kinds of patches.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{IMAGE, World, refusal, shell};

#[tokio::test]
async fn a_merge_patch_sets_and_removes() {
    let world = World::new().await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "map"}, "data": {"a": "1", "b": "2"}}))
        .await;
    let patch = json!({"data": {"a": null, "c": "3"}});
    let after = world
        .api::<ConfigMap>()
        .patch("map", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("accepted");
    let data = after.data.expect("data");
    assert_eq!(
        data.into_iter().collect::<Vec<_>>(),
        [("b".into(), "2".into()), ("c".into(), "3".into())]
    );
    world.close().await;
}

#[tokio::test]
async fn a_json_patch_tests_and_replaces() {
    let world = World::new().await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "map"}, "data": {"a": "1"}}))
        .await;
    let patch = |operations: Value| {
        let url = format!("/api/v1/namespaces/{}/configmaps/map", world.namespace);
        let request = http::Request::patch(url)
            .header("content-type", "application/json-patch+json")
            .body(operations.to_string().into_bytes())
            .expect("a request");
        world.client.request::<ConfigMap>(request)
    };
    let after = patch(json!([{"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "2"}]));
    assert_eq!(after.await.expect("the test holds").data.expect("data")["a"], "2");
    let refused = patch(json!([{"op": "test", "path": "/data/a", "value": "1"}]));
    assert_eq!(refusal(refused.await), (422, "Invalid".to_owned()));
    world.close().await;
}

fn deployment(containers: &[Value]) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}}})
}

#[tokio::test]
async fn a_strategic_patch_merges_containers_by_name() {
    let world = World::new().await;
    world
        .create::<Deployment>(deployment(&[shell("one", "true"), shell("two", "true")]))
        .await;
    let patch = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "one", "workingDir": "/tmp"}, {"name": "two", "$patch": "delete"}]}}}});
    let after = world
        .api::<Deployment>()
        .patch("web", &PatchParams::default(), &Patch::Strategic(&patch))
        .await
        .expect("accepted");
    let containers = after
        .spec
        .and_then(|spec| spec.template.spec)
        .expect("a pod")
        .containers;
    assert_eq!(containers.len(), 1);
    assert_eq!(containers[0].working_dir.as_deref(), Some("/tmp"));
    assert_eq!(containers[0].image.as_deref(), Some(IMAGE));
    world.close().await;
}

async fn apply(world: &World, manager: &str, data: Value, force: bool) -> Result<ConfigMap, kube::Error> {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": data});
    let mut params = PatchParams::apply(manager);
    params.force = force;
    world
        .api::<ConfigMap>()
        .patch("map", &params, &Patch::Apply(&map))
        .await
}

#[tokio::test]
async fn an_apply_creates_and_prunes() {
    let world = World::new().await;
    let made = apply(&world, "us", json!({"a": "1", "b": "2"}), false)
        .await
        .expect("it is created");
    let version = made.metadata.resource_version;
    let again = apply(&world, "us", json!({"a": "1", "b": "2"}), false)
        .await
        .expect("accepted");
    assert_eq!(version, again.metadata.resource_version);
    let after = apply(&world, "us", json!({"a": "1"}), false)
        .await
        .expect("accepted");
    assert_eq!(after.data.expect("data").into_keys().collect::<Vec<_>>(), ["a"]);
    let managers = after.metadata.managed_fields.expect("managers");
    assert_eq!(managers[0].manager.as_deref(), Some("us"));
    assert_eq!(managers[0].operation.as_deref(), Some("Apply"));
    world.close().await;
}

#[tokio::test]
async fn an_apply_over_another_manager_is_a_conflict_unless_forced() {
    let world = World::new().await;
    apply(&world, "us", json!({"a": "1"}), false)
        .await
        .expect("it is created");
    apply(&world, "them", json!({"a": "1", "b": "2"}), false)
        .await
        .expect("the same value is no conflict");
    assert_eq!(
        refusal(apply(&world, "them", json!({"a": "2"}), false).await),
        (409, "Conflict".to_owned())
    );
    let after = apply(&world, "them", json!({"a": "2"}), true)
        .await
        .expect("force takes it");
    assert_eq!(after.data.expect("data")["a"], "2");
    assert_eq!(
        refusal(apply(&world, "us", json!({"a": "1"}), false).await),
        (409, "Conflict".to_owned())
    );
    world.close().await;
}

#[tokio::test]
async fn an_update_takes_fields_from_who_applied_them() {
    let world = World::new().await;
    apply(&world, "us", json!({"a": "1"}), false)
        .await
        .expect("it is created");
    let patch = json!({"data": {"a": "2"}});
    let params = PatchParams {
        field_manager: Some("editor".to_owned()),
        ..PatchParams::default()
    };
    world
        .api::<ConfigMap>()
        .patch("map", &params, &Patch::Merge(&patch))
        .await
        .expect("accepted");
    assert_eq!(
        refusal(apply(&world, "us", json!({"a": "1"}), false).await),
        (409, "Conflict".to_owned())
    );
    world.close().await;
}
