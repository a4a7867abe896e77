//! Init containers and native sidecars: the order of starting and of ending.

use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::world::{World, container, is_over, phase, pod, shell};

/// Describes a pod whose containers share `/shared`, with these init containers.
fn shared(name: &str, inits: &[Value], mains: &[Value]) -> Value {
    let mut wanted = pod(name, mains);
    wanted["spec"]["initContainers"] = json!(inits);
    wanted["spec"]["volumes"] = json!([{"name": "shared", "emptyDir": {}}]);
    for list in ["initContainers", "containers"] {
        for container in wanted["spec"][list].as_array_mut().into_iter().flatten() {
            container["volumeMounts"] = json!([{"name": "shared", "mountPath": "/shared"}]);
        }
    }
    wanted
}

fn sidecar(name: &str, script: &str) -> Value {
    let mut container = shell(name, script);
    container["restartPolicy"] = json!("Always");
    container
}

#[tokio::test]
async fn init_containers_run_in_order_before_the_main_one() {
    let world = World::new().await;
    let inits = [
        shell("one", "sleep 0.3; echo one >> /shared/log"),
        shell("two", "echo two >> /shared/log"),
    ];
    world
        .create::<Pod>(shared(
            "p",
            &inits,
            &[shell("main", "cat /shared/log; echo main")],
        ))
        .await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    assert_eq!(world.log("p", "main").await, "one\ntwo\nmain\n");
    world.close().await;
}

#[tokio::test]
async fn a_failed_init_container_fails_the_pod() {
    let world = World::new().await;
    world
        .create::<Pod>(shared("p", &[shell("init", "exit 4")], &[shell("main", "true")]))
        .await;
    let ended = world.until("p", is_over).await;
    assert_eq!(phase(&ended), "Failed");
    assert_eq!(container(&ended, "init")["state"]["terminated"]["exitCode"], 4);
    assert!(container(&ended, "main")["state"]["terminated"].is_null());
    world.close().await;
}

#[tokio::test]
async fn the_main_container_waits_for_the_startup_probe_of_a_sidecar() {
    let world = World::new().await;
    let mut side = sidecar(
        "side",
        "sleep 1; touch /shared/up; trap 'exit 0' TERM; while true; do sleep 0.1; done",
    );
    side["startupProbe"] = json!({"exec": {"command": ["test", "-e", "/shared/up"]}, "periodSeconds": 1});
    world
        .create::<Pod>(shared(
            "p",
            &[side],
            &[shell("main", "test -e /shared/up && echo up")],
        ))
        .await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    assert_eq!(world.log("p", "main").await, "up\n");
    world.close().await;
}

#[tokio::test]
async fn a_sidecar_is_stopped_after_the_main_container_ended() {
    let world = World::new().await;
    let side = sidecar(
        "side",
        "trap 'test -e /shared/done && echo after; exit 0' TERM; while true; do sleep 0.1; done",
    );
    world
        .create::<Pod>(shared(
            "p",
            &[side],
            &[shell("main", "sleep 0.5; touch /shared/done")],
        ))
        .await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    assert_eq!(world.log("p", "side").await, "after\n");
    world.close().await;
}

#[tokio::test]
async fn a_sidecar_that_ignores_its_end_holds_the_pod_for_the_grace() {
    let world = World::new().await;
    let side = sidecar("side", "trap '' TERM; while true; do sleep 0.1; done");
    let mut wanted = shared("p", &[side], &[shell("main", "true")]);
    wanted["spec"]["terminationGracePeriodSeconds"] = json!(3);
    world.create::<Pod>(wanted).await;
    let start = std::time::Instant::now();
    let held = world
        .until::<Pod>("p", |pod| {
            container(pod, "main")["state"]["terminated"].is_object()
        })
        .await;
    assert_eq!(phase(&held), "Running");
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    assert!(start.elapsed().as_secs() >= 2, "it had three seconds");
    world.close().await;
}

#[tokio::test]
async fn a_sidecar_that_dies_is_started_again() {
    let world = World::new().await;
    let side = sidecar(
        "side",
        "echo x >> /shared/starts; test $(wc -l < /shared/starts) -gt 1 || exit 1; \
        trap 'exit 0' TERM; while true; do sleep 0.1; done",
    );
    let main = shell(
        "main",
        "while test $(cat /shared/starts 2>/dev/null | wc -l) -lt 2; do sleep 0.1; done",
    );
    world.create::<Pod>(shared("p", &[side], &[main])).await;
    let ended = world.until("p", is_over).await;
    assert_eq!(phase(&ended), "Succeeded");
    assert_eq!(container(&ended, "side")["restartCount"], 1);
    world.close().await;
}

#[tokio::test]
async fn on_deletion_the_main_container_is_stopped_before_the_sidecar() {
    let world = World::new().await;
    // The sidecar tells what it saw through a pod that reads the log while both still stand.
    let side = sidecar(
        "side",
        "trap 'cat /shared/log; echo side; sleep 1; exit 0' TERM; while true; do sleep 0.1; done",
    );
    let main = shell(
        "main",
        "trap 'sleep 1; echo main > /shared/log; exit 0' TERM; while true; do sleep 0.1; done",
    );
    let mut wanted = shared("p", &[side], &[main]);
    wanted["spec"]["terminationGracePeriodSeconds"] = json!(20);
    world.create::<Pod>(wanted).await;
    world
        .until::<Pod>("p", |pod| container(pod, "main")["ready"] == true)
        .await;
    let params = kube::api::LogParams {
        container: Some("side".into()),
        follow: true,
        ..Default::default()
    };
    let pods = world.api::<Pod>();
    let stream = pods.log_stream("p", &params).await.expect("a stream");
    pods.delete("p", &DeleteParams::default())
        .await
        .expect("accepted");
    let mut text = String::new();
    futures_util::AsyncReadExt::read_to_string(&mut Box::pin(stream), &mut text)
        .await
        .expect("the whole log");
    assert_eq!(text, "main\nside\n");
    world.until_gone::<Pod>("p").await;
    world.close().await;
}

#[tokio::test]
async fn a_sidecar_whose_startup_probe_fails_is_started_again() {
    let world = World::new().await;
    let mut side = sidecar("side", "trap 'exit 0' TERM; while true; do sleep 0.1; done");
    side["startupProbe"] = json!({"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 2});
    world
        .create::<Pod>(shared("p", &[side], &[shell("main", "true")]))
        .await;
    let restarted = world
        .until::<Pod>("p", |pod| {
            container(pod, "side")["restartCount"].as_i64() >= Some(1)
        })
        .await;
    assert_eq!(phase(&restarted), "Pending");
    world.close().await;
}
