//! Namespaces and owners: what goes with what.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams, PropagationPolicy};
use serde_json::{Value, json};

use crate::world::{World, phase, pod, refusal, shell};

fn owned_by(name: &str, owner: &ConfigMap) -> Value {
    json!({"metadata": {"name": name, "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap",
        "name": owner.name_any(), "uid": owner.uid(), "blockOwnerDeletion": true}]}})
}

#[tokio::test]
async fn a_namespace_goes_after_all_that_is_in_it() {
    let world = World::new().await;
    let spaces = world.cluster_api::<Namespace>();
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}});
    world.create::<ConfigMap>(held).await;
    let script = "trap 'exit 0' TERM; while true; do sleep 0.1; done";
    world.create::<Pod>(pod("p", &[shell("main", script)])).await;
    world.until::<Pod>("p", |pod| phase(pod) == "Running").await;
    spaces
        .delete(&world.namespace, &DeleteParams::default())
        .await
        .expect("accepted");
    let space = spaces.get(&world.namespace).await.expect("it is still there");
    assert_eq!(
        space.status.and_then(|status| status.phase).as_deref(),
        Some("Terminating")
    );
    let refused = world
        .try_create::<ConfigMap>(json!({"metadata": {"name": "late"}}))
        .await;
    assert_eq!(refusal(refused), (403, "Forbidden".to_owned()));
    world.until_gone::<Pod>("p").await;
    assert!(
        spaces
            .get_opt(&world.namespace)
            .await
            .expect("the API answers")
            .is_some(),
        "a finalizer holds it"
    );
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    world
        .api::<ConfigMap>()
        .patch("held", &PatchParams::default(), &patch)
        .await
        .expect("accepted");
    for _ in 0..600 {
        if spaces
            .get_opt(&world.namespace)
            .await
            .expect("the API answers")
            .is_none()
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the namespace is still there");
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner() {
    let world = World::new().await;
    let owner: ConfigMap = world.create(json!({"metadata": {"name": "owner"}})).await;
    world.create::<Secret>(owned_by("owned", &owner)).await;
    world
        .api::<ConfigMap>()
        .delete("owner", &DeleteParams::default())
        .await
        .expect("accepted");
    world.until_gone::<Secret>("owned").await;
    world.close().await;
}

#[tokio::test]
async fn an_owner_that_never_was_owns_nothing() {
    let world = World::new().await;
    let owner: ConfigMap = world.create(json!({"metadata": {"name": "owner"}})).await;
    let mut orphan = owned_by("orphan", &owner);
    orphan["metadata"]["ownerReferences"][0]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    world.create::<Secret>(orphan).await;
    world.until_gone::<Secret>("orphan").await;
    world.close().await;
}

#[tokio::test]
async fn an_orphaning_deletion_leaves_what_was_owned() {
    let world = World::new().await;
    let owner: ConfigMap = world.create(json!({"metadata": {"name": "owner"}})).await;
    world.create::<Secret>(owned_by("owned", &owner)).await;
    // A real collector learns of the reference a moment after the object was made.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    world
        .api::<ConfigMap>()
        .delete("owner", &params)
        .await
        .expect("accepted");
    world.until_gone::<ConfigMap>("owner").await;
    let left = world
        .until::<Secret>("owned", |secret| secret.owner_references().is_empty())
        .await;
    assert!(left.metadata.deletion_timestamp.is_none());
    world.close().await;
}

#[tokio::test]
async fn a_foreground_deletion_waits_for_what_blocks_it() {
    let world = World::new().await;
    let owner: ConfigMap = world.create(json!({"metadata": {"name": "owner"}})).await;
    let mut dependent = owned_by("owned", &owner);
    dependent["metadata"]["finalizers"] = json!(["example.com/hold"]);
    world.create::<Secret>(dependent).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    world
        .api::<ConfigMap>()
        .delete("owner", &DeleteParams::foreground())
        .await
        .expect("accepted");
    world
        .until::<Secret>("owned", |secret| secret.metadata.deletion_timestamp.is_some())
        .await;
    assert!(
        world
            .api::<ConfigMap>()
            .get_opt("owner")
            .await
            .expect("the API answers")
            .is_some()
    );
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    world
        .api::<Secret>()
        .patch("owned", &PatchParams::default(), &patch)
        .await
        .expect("accepted");
    world.until_gone::<ConfigMap>("owner").await;
    world.close().await;
}
