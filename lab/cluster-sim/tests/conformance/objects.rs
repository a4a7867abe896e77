//! Objects: made, read, changed, removed.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::world::{World, message, pod, refusal, shell};

#[tokio::test]
async fn a_new_object_has_all_that_clients_need() {
    let world = World::new().await;
    let made: ConfigMap = world
        .create(json!({"metadata": {"generateName": "map-"}, "data": {"a": "1"}}))
        .await;
    assert!(made.name_any().starts_with("map-") && made.name_any().len() == "map-".len() + 5);
    assert_eq!(made.namespace().as_deref(), Some(world.namespace.as_str()));
    assert!(made.uid().is_some() && made.resource_version().is_some() && made.creation_timestamp().is_some());
    world.close().await;
}

#[tokio::test]
async fn refusals_tell_what_is_wrong() {
    let world = World::new().await;
    let map = json!({"metadata": {"name": "map"}});
    world.create::<ConfigMap>(map.clone()).await;
    assert_eq!(
        refusal(world.try_create::<ConfigMap>(map).await),
        (409, "AlreadyExists".to_owned())
    );
    assert_eq!(
        refusal(world.api::<ConfigMap>().get("none").await),
        (404, "NotFound".to_owned())
    );
    let bad = json!({"metadata": {"name": "Not_A_Name"}});
    assert_eq!(
        refusal(world.try_create::<ConfigMap>(bad).await),
        (422, "Invalid".to_owned())
    );
    let no_container = json!({"metadata": {"name": "x"}, "spec": {"containers": []}});
    assert_eq!(
        refusal(world.try_create::<Pod>(no_container).await),
        (422, "Invalid".to_owned())
    );
    let nowhere: Api<ConfigMap> = Api::namespaced(world.client.clone(), "no-such-namespace");
    let lost: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "x"}})).expect("well formed");
    assert_eq!(
        refusal(nowhere.create(&PostParams::default(), &lost).await),
        (404, "NotFound".to_owned())
    );
    world.close().await;
}

#[tokio::test]
async fn a_stale_write_is_a_conflict() {
    let world = World::new().await;
    let maps = world.api::<ConfigMap>();
    let mut first: ConfigMap = world.create(json!({"metadata": {"name": "map"}})).await;
    let mut second = first.clone();
    second.labels_mut().insert("by".into(), "second".into());
    maps.replace("map", &PostParams::default(), &second)
        .await
        .expect("it is fresh");
    first.labels_mut().insert("by".into(), "first".into());
    let refused = maps.replace("map", &PostParams::default(), &first).await;
    assert_eq!(refusal(refused), (409, "Conflict".to_owned()));
    world.close().await;
}

#[tokio::test]
async fn an_unchanged_write_keeps_the_version() {
    let world = World::new().await;
    let made: ConfigMap = world
        .create(json!({"metadata": {"name": "map"}, "data": {"a": "1"}}))
        .await;
    let again = world
        .api::<ConfigMap>()
        .replace("map", &PostParams::default(), &made)
        .await
        .expect("accepted");
    assert_eq!(made.resource_version(), again.resource_version());
    world.close().await;
}

#[tokio::test]
async fn the_status_and_the_rest_leave_each_other_alone() {
    let world = World::new().await;
    let spaces = world.cluster_api::<Namespace>();
    let pods = world.api::<Pod>();
    let mut wanted = pod("idle", &[shell("main", "true")]);
    wanted["spec"]["nodeSelector"] = json!({"no/such": "node"});
    wanted["status"] = json!({"phase": "Succeeded"});
    let made: Pod = world.create(wanted).await;
    assert_ne!(
        made.status.and_then(|status| status.phase).as_deref(),
        Some("Succeeded")
    );
    let patch = json!({"metadata": {"labels": {"x": "y"}}, "status": {"message": "from outside"}});
    let after = pods
        .patch("idle", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("accepted");
    assert_eq!(after.status.expect("a status").message, None);
    let patch = json!({"spec": {"nodeName": "elsewhere"}, "status": {"message": "from outside"}});
    let after = pods
        .patch_status("idle", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("accepted");
    assert_eq!(after.spec.expect("a spec").node_name, None);
    assert_eq!(
        after.status.expect("a status").message.as_deref(),
        Some("from outside")
    );
    drop(spaces);
    world.close().await;
}

#[tokio::test]
async fn selectors_narrow_lists() {
    let world = World::new().await;
    for (name, app) in [("a", "web"), ("b", "db"), ("c", "web")] {
        world
            .create::<ConfigMap>(json!({"metadata": {"name": name, "labels": {"app": app}}}))
            .await;
    }
    let maps = world.api::<ConfigMap>();
    let names = async |params: ListParams| -> Vec<String> {
        let list = maps.list(&params).await.expect("the selector is understood");
        list.iter()
            .map(ResourceExt::name_any)
            .filter(|name| name.len() == 1)
            .collect()
    };
    assert_eq!(names(ListParams::default().labels("app=web")).await, ["a", "c"]);
    assert_eq!(
        names(ListParams::default().labels("app in (db),app!=web")).await,
        ["b"]
    );
    assert_eq!(
        names(ListParams::default().labels("!app")).await,
        Vec::<String>::new()
    );
    assert_eq!(
        names(ListParams::default().fields("metadata.name=b")).await,
        ["b"]
    );
    let refused = maps.list(&ListParams::default().fields("data.x=1")).await;
    assert_eq!(refusal(refused).0, 400);
    world.close().await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    for index in 0..5 {
        world
            .create::<Secret>(json!({"metadata": {"name": format!("s-{index}"), "labels": {"page": "d"}}}))
            .await;
    }
    let secrets = world.api::<Secret>();
    let mut params = ListParams::default().labels("page=d").limit(2);
    let (mut names, mut pages) = (Vec::new(), 0);
    loop {
        let page = secrets.list(&params).await.expect("a page");
        pages += 1;
        names.extend(page.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(
        (pages, names),
        (3, (0..5).map(|index| format!("s-{index}")).collect())
    );
    world.close().await;
}

#[tokio::test]
async fn a_deletion_can_ask_for_one_certain_object() {
    let world = World::new().await;
    let maps = world.api::<ConfigMap>();
    let made: ConfigMap = world.create(json!({"metadata": {"name": "map"}})).await;
    let by = |uid: Option<String>, resource_version: Option<String>| DeleteParams {
        preconditions: Some(Preconditions {
            uid,
            resource_version,
        }),
        ..DeleteParams::default()
    };
    let other = "00000000-0000-4000-8000-000000000000".to_owned();
    assert_eq!(
        refusal(maps.delete("map", &by(Some(other), None)).await),
        (409, "Conflict".to_owned())
    );
    assert_eq!(
        refusal(maps.delete("map", &by(None, Some("1".into()))).await),
        (409, "Conflict".to_owned())
    );
    maps.delete("map", &by(made.uid(), made.resource_version()))
        .await
        .expect("it is the one");
    world.until_gone::<ConfigMap>("map").await;
    world.close().await;
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let world = World::new().await;
    for (name, app) in [("a", "web"), ("b", "db")] {
        world
            .create::<ConfigMap>(json!({"metadata": {"name": name, "labels": {"app": app}}}))
            .await;
    }
    let maps = world.api::<ConfigMap>();
    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("app=web"))
        .await
        .expect("accepted");
    world.until_gone::<ConfigMap>("a").await;
    assert!(maps.get("b").await.is_ok());
    world.close().await;
}

#[tokio::test]
async fn a_finalizer_holds_an_object() {
    let world = World::new().await;
    let maps = world.api::<ConfigMap>();
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "map", "finalizers": ["example.com/hold"]}}))
        .await;
    let deleted = maps
        .delete("map", &DeleteParams::default())
        .await
        .expect("accepted");
    assert!(
        deleted
            .left()
            .is_some_and(|map| map.metadata.deletion_timestamp.is_some())
    );
    let patch = json!({"metadata": {"finalizers": null}});
    maps.patch("map", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("accepted");
    world.until_gone::<ConfigMap>("map").await;
    world.close().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = World::new().await;
    let maps = world.api::<ConfigMap>();
    let map: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "map"}})).expect("well formed");
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    assert!(maps.create(&dry, &map).await.expect("accepted").uid().is_some());
    assert!(maps.get_opt("map").await.expect("the API answers").is_none());
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "map"}}))
        .await;
    maps.delete("map", &DeleteParams::default().dry_run())
        .await
        .expect("accepted");
    assert!(maps.get("map").await.is_ok());
    world.close().await;
}

#[tokio::test]
async fn plain_text_of_a_secret_is_stored_encoded() {
    let world = World::new().await;
    let made: Secret = world
        .create(json!({"metadata": {"name": "s"}, "stringData": {"key": "value"}}))
        .await;
    assert_eq!(made.data.expect("data")["key"].0, b"value");
    assert_eq!(made.type_.as_deref(), Some("Opaque"));
    let frozen = json!({"metadata": {"name": "f"}, "stringData": {"key": "value"}, "immutable": true});
    world.create::<Secret>(frozen).await;
    let patch = json!({"stringData": {"key": "other"}});
    let refused = world
        .api::<Secret>()
        .patch("f", &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    assert!(message(refused).contains("immutable"));
    world.close().await;
}

#[tokio::test]
async fn a_generation_counts_changes_of_the_spec_only() {
    let world = World::new().await;
    let quota = json!({"metadata": {"name": "web"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [shell("main", "true")]}}}});
    let api = world.api::<k8s_openapi::api::apps::v1::Deployment>();
    let made: k8s_openapi::api::apps::v1::Deployment = world.create(quota).await;
    assert_eq!(made.metadata.generation, Some(1));
    let label = json!({"metadata": {"labels": {"x": "y"}}});
    let after = api
        .patch("web", &PatchParams::default(), &Patch::Merge(&label))
        .await
        .expect("accepted");
    assert_eq!(after.metadata.generation, Some(1));
    let scale = json!({"spec": {"replicas": 0}});
    let after = api
        .patch("web", &PatchParams::default(), &Patch::Merge(&scale))
        .await
        .expect("accepted");
    assert_eq!(after.metadata.generation, Some(2));
    world.close().await;
}
