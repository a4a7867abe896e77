//! Volumes: files from Secrets and config maps, shared folders, what may be written.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use serde_json::{Value, json};

use crate::world::{World, is_over, message, phase, pod, shell};

/// Describes a pod with one container that mounts these volumes.
fn with_volumes(name: &str, script: &str, volumes: Value, mounts: Value) -> Value {
    let mut wanted = pod(name, &[shell("main", script)]);
    wanted["spec"]["volumes"] = volumes;
    wanted["spec"]["containers"][0]["volumeMounts"] = mounts;
    wanted
}

#[tokio::test]
async fn secrets_and_config_maps_are_files() {
    let world = World::new().await;
    if !world.is_isolated() {
        return;
    }
    world
        .create::<Secret>(json!({"metadata": {"name": "s"}, "stringData": {"a": "A", "b": "B"}}))
        .await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "c"}, "data": {"x": "X"}}))
        .await;
    let volumes = json!([
        {"name": "s", "secret": {"secretName": "s", "defaultMode": 0o400}},
        {"name": "some", "secret": {"secretName": "s", "items": [{"key": "b", "path": "deep/b", "mode": 0o444}]}},
        {"name": "c", "configMap": {"name": "c"}},
        {"name": "all", "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}},
            {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}},
        {"name": "none", "secret": {"secretName": "none", "optional": true}},
    ]);
    let mounts: Vec<Value> = ["s", "some", "c", "all", "none"]
        .iter()
        .map(|name| json!({"name": name, "mountPath": format!("/v/{name}")}))
        .collect();
    let script = "cat /v/s/a /v/some/deep/b /v/c/x /v/all/a /v/all/x /v/all/name; echo; \
        stat -L -c %a /v/s/a /v/some/deep/b /v/c/x; ls /v/some /v/none; touch /v/s/new 2>/dev/null || echo read-only";
    world
        .create::<Pod>(with_volumes("p", script, volumes, json!(mounts)))
        .await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    let wanted = "ABXAXp\n400\n444\n644\n/v/none:\n\n/v/some:\ndeep\nread-only\n";
    let log = world.log("p", "main").await;
    assert_eq!(log.replace("/v/none:\n/v/some", "/v/none:\n\n/v/some"), wanted);
    world.close().await;
}

#[tokio::test]
async fn a_pod_waits_for_its_secret() {
    let world = World::new().await;
    let volumes = json!([{"name": "s", "secret": {"secretName": "late"}}]);
    let mounts = json!([{"name": "s", "mountPath": "/s"}]);
    world
        .create::<Pod>(with_volumes("p", "cat /s/key", volumes, mounts))
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(phase(&world.until::<Pod>("p", |_| true).await), "Pending");
    world
        .create::<Secret>(json!({"metadata": {"name": "late"}, "stringData": {"key": "value"}}))
        .await;
    world.until("p", is_over).await;
    assert_eq!(world.log("p", "main").await, "value");
    world.close().await;
}

#[tokio::test]
async fn a_folder_mounted_read_only_cannot_be_changed_but_its_pipes_work() {
    let world = World::new().await;
    if !world.is_isolated() {
        return;
    }
    let mut wanted = with_volumes(
        "p",
        "echo word > /control/in; for try in 'rm /control/in' 'mv /control/in /control/x' 'touch /control/x'; do \
            $try 2>/dev/null || echo refused; done",
        json!([{"name": "control", "emptyDir": {"medium": "Memory"}}]),
        json!([{"name": "control", "mountPath": "/control", "readOnly": true}]),
    );
    let mut side = shell(
        "side",
        "mkfifo /control/in; chmod 666 /control/in; cat /control/in; sleep 0.2",
    );
    side["volumeMounts"] = json!([{"name": "control", "mountPath": "/control"}]);
    let mut first = shell("first", "true");
    first["volumeMounts"] = side["volumeMounts"].clone();
    side["restartPolicy"] = json!("Always");
    side["startupProbe"] = json!({"exec": {"command": ["test", "-p", "/control/in"]}, "periodSeconds": 1});
    side["command"] = json!([
        "/bin/sh",
        "-c",
        "test -p /control/in || mkfifo /control/in; chmod 666 /control/in; \
        cat /control/in; trap 'exit 0' TERM; while true; do sleep 0.1; done"
    ]);
    wanted["spec"]["initContainers"] = json!([side]);
    world.create::<Pod>(wanted).await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    assert_eq!(world.log("p", "main").await, "refused\nrefused\nrefused\n");
    assert_eq!(world.log("p", "side").await, "word\n");
    world.close().await;
}

#[tokio::test]
async fn a_mount_can_be_a_part_of_its_volume() {
    let world = World::new().await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "c"}, "data": {"one": "1", "two": "2"}}))
        .await;
    let volumes = json!([{"name": "c", "configMap": {"name": "c"}}, {"name": "e", "emptyDir": {}}]);
    let mounts = json!([{"name": "c", "mountPath": "/etc/one.conf", "subPath": "one"},
        {"name": "e", "mountPath": "/work", "subPath": "deep/er"}, {"name": "e", "mountPath": "/all"}]);
    let script = "cat /etc/one.conf; touch /work/x; ls /all/deep/er; test -e /etc/passwd";
    world
        .create::<Pod>(with_volumes("p", script, volumes, mounts))
        .await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    assert_eq!(world.log("p", "main").await, "1x\n");
    world.close().await;
}

#[tokio::test]
async fn the_root_can_be_read_only() {
    let world = World::new().await;
    if !world.is_isolated() {
        return;
    }
    let mut wanted = with_volumes(
        "p",
        "touch /tmp/x 2>/dev/null || echo refused; touch /scratch/x && echo written",
        json!([{"name": "scratch", "emptyDir": {}}]),
        json!([{"name": "scratch", "mountPath": "/scratch"}]),
    );
    wanted["spec"]["containers"][0]["securityContext"] = json!({"readOnlyRootFilesystem": true});
    world.create::<Pod>(wanted).await;
    world.until("p", is_over).await;
    assert_eq!(world.log("p", "main").await, "refused\nwritten\n");
    world.run("writable", "touch /tmp/x && echo written").await;
    assert_eq!(world.log("writable", "main").await, "written\n");
    world.close().await;
}

#[tokio::test]
async fn the_group_of_a_pod_may_use_its_volumes() {
    let world = World::new().await;
    if !world.is_isolated() {
        return;
    }
    world
        .create::<Secret>(json!({"metadata": {"name": "s"}, "stringData": {"key": "value"}}))
        .await;
    let volumes = json!([{"name": "s", "secret": {"secretName": "s", "defaultMode": 0o400}}, {"name": "e", "emptyDir": {}}]);
    let mounts = json!([{"name": "s", "mountPath": "/s"}, {"name": "e", "mountPath": "/e"}]);
    let mut wanted = with_volumes(
        "p",
        "cat /s/key; touch /e/x; stat -c %g /e/x; id -u; id -g",
        volumes,
        mounts,
    );
    wanted["spec"]["securityContext"] = json!({"runAsUser": 1234, "runAsGroup": 2345, "fsGroup": 3456});
    world.create::<Pod>(wanted).await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    let is_root = world
        .sim
        .as_ref()
        .is_none_or(|sim| sim.isolation() == cluster_sim::Isolation::Full);
    let group = if is_root { "3456" } else { "2345" };
    assert_eq!(
        world.log("p", "main").await,
        format!("value{group}\n1234\n2345\n")
    );
    world.close().await;
}

#[tokio::test]
async fn the_folders_of_the_host_are_refused() {
    let Some(world) = World::simulated().await else {
        return;
    };
    let volumes = json!([{"name": "h", "hostPath": {"path": "/"}}]);
    let wanted = with_volumes("p", "true", volumes, json!([{"name": "h", "mountPath": "/h"}]));
    assert!(message(world.try_create::<Pod>(wanted).await).contains("hostPath"));
    world.close().await;
}
