//! What a namespace lets in: quotas, limits, pod security, service accounts.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, LimitRange, Pod, ResourceQuota, ServiceAccount};
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::world::{World, container, is_over, job, message, phase, pod, refusal, shell};

fn quota(hard: &Value) -> Value {
    json!({"metadata": {"name": "q"}, "spec": {"hard": hard}})
}

/// Creates a quota and waits until it is in force, which takes a real cluster a moment.
async fn with_quota(world: &World, hard: Value) {
    world.create::<ResourceQuota>(quota(&hard)).await;
    let is_counted =
        |quota: &ResourceQuota| quota.status.as_ref().is_some_and(|status| status.used.is_some());
    world.until("q", is_counted).await;
}

fn sized(name: &str, script: &str, resources: Value) -> Value {
    let mut wanted = pod(name, &[shell("main", script)]);
    wanted["spec"]["containers"][0]["resources"] = resources;
    wanted
}

#[tokio::test]
async fn a_full_quota_refuses_at_once() {
    let world = World::new().await;
    with_quota(
        &world,
        json!({"pods": "1", "limits.memory": "100Mi", "requests.cpu": "1"}),
    )
    .await;
    let unsized_pod = pod("unsized", &[shell("main", "true")]);
    assert!(message(world.try_create::<Pod>(unsized_pod).await).contains("must specify"));
    let small = json!({"limits": {"memory": "64Mi"}, "requests": {"cpu": "100m"}});
    let large = json!({"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m"}});
    let refused = message(world.try_create::<Pod>(sized("large", "true", large)).await);
    assert!(
        refused.contains("exceeded quota: q") && refused.contains("limits.memory"),
        "{refused}"
    );
    world.create::<Pod>(sized("one", "sleep 1", small.clone())).await;
    let refused = world.try_create::<Pod>(sized("two", "true", small.clone())).await;
    assert_eq!(refusal(refused), (403, "Forbidden".to_owned()));
    world.until("one", is_over).await;
    let mut is_free = world
        .try_create::<Pod>(sized("three", "true", small.clone()))
        .await
        .is_ok();
    for _ in 0..100 {
        if !is_free {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            is_free = world
                .try_create::<Pod>(sized("three", "true", small.clone()))
                .await
                .is_ok();
        }
    }
    assert!(is_free, "a pod that has ended uses nothing");
    world.close().await;
}

#[tokio::test]
async fn a_quota_counts_objects() {
    let world = World::new().await;
    let there = world
        .api::<ConfigMap>()
        .list(&ListParams::default())
        .await
        .expect("a list")
        .items
        .len();
    with_quota(
        &world,
        json!({"count/configmaps": (there + 1).to_string(), "count/jobs.batch": "0"}),
    )
    .await;
    world
        .create::<ConfigMap>(json!({"metadata": {"name": "one"}}))
        .await;
    let refused = world
        .try_create::<ConfigMap>(json!({"metadata": {"name": "two"}}))
        .await;
    assert_eq!(refusal(refused), (403, "Forbidden".to_owned()));
    assert!(message(world.try_create::<Job>(job("work", "true")).await).contains("count/jobs.batch"));
    let used = |quota: &ResourceQuota| {
        let used = quota
            .status
            .as_ref()
            .and_then(|status| status.used.clone())
            .unwrap_or_default();
        used.get("count/configmaps")
            .is_some_and(|count| count.0 == (there + 1).to_string())
    };
    world.until("q", used).await;
    world.close().await;
}

#[tokio::test]
async fn a_job_waits_for_its_quota() {
    let world = World::new().await;
    with_quota(&world, json!({"pods": "0"})).await;
    world.create::<Job>(job("work", "true")).await;
    let params = ListParams::default().fields("involvedObject.name=work,reason=FailedCreate");
    for _ in 0..200 {
        let events = world.api::<Event>().list(&params).await.expect("a list");
        if let Some(event) = events.items.first() {
            assert!(
                event
                    .message
                    .as_deref()
                    .unwrap_or_default()
                    .contains("exceeded quota")
            );
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    world
        .api::<ResourceQuota>()
        .delete("q", &kube::api::DeleteParams::default())
        .await
        .expect("accepted");
    let is_done = |job: &Job| job.status.as_ref().and_then(|status| status.succeeded) == Some(1);
    world.until("work", is_done).await;
    world.close().await;
}

#[tokio::test]
async fn a_limit_range_fills_in_and_bounds() {
    let world = World::new().await;
    let range = json!({"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container",
        "default": {"memory": "64Mi"}, "defaultRequest": {"cpu": "10m"}, "max": {"memory": "128Mi"}}]}});
    world.create::<LimitRange>(range).await;
    let made: Pod = world.create(pod("p", &[shell("main", "true")])).await;
    let resources = made
        .spec
        .expect("a spec")
        .containers
        .remove(0)
        .resources
        .expect("resources");
    assert_eq!(resources.limits.expect("limits")["memory"].0, "64Mi");
    assert_eq!(resources.requests.expect("requests")["cpu"].0, "10m");
    let large = sized("large", "true", json!({"limits": {"memory": "256Mi"}}));
    let refused = message(world.try_create::<Pod>(large).await);
    assert!(
        refused.contains("maximum memory usage per Container is 128Mi"),
        "{refused}"
    );
    world.close().await;
}

/// A pod as the `restricted` level wants it.
fn restricted(name: &str) -> Value {
    let mut wanted = pod(name, &[shell("main", "id -u")]);
    wanted["spec"]["securityContext"] = json!({"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"}});
    wanted["spec"]["containers"][0]["securityContext"] =
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    wanted
}

#[tokio::test]
async fn a_restricted_namespace_takes_only_restricted_pods() {
    let world = World::labelled(json!({"pod-security.kubernetes.io/enforce": "restricted"})).await;
    if !world.is_isolated() {
        return;
    }
    world.create::<Pod>(restricted("good")).await;
    assert_eq!(phase(&world.until("good", is_over).await), "Succeeded");
    assert_eq!(world.log("good", "main").await, "1000\n");
    let main = "/spec/containers/0/securityContext";
    let changes: [(&str, &str, Value, &str); 6] = [
        (
            "/spec/securityContext",
            "runAsNonRoot",
            json!(false),
            "runAsNonRoot",
        ),
        (
            "/spec/securityContext",
            "seccompProfile",
            json!(null),
            "seccompProfile",
        ),
        ("/spec/securityContext", "runAsUser", json!(0), "runAsUser=0"),
        (
            main,
            "allowPrivilegeEscalation",
            json!(true),
            "allowPrivilegeEscalation",
        ),
        (main, "capabilities", json!(null), "unrestricted capabilities"),
        ("/spec", "hostNetwork", json!(true), "host namespaces"),
    ];
    for (at, key, value, why) in changes {
        let mut bad = restricted("bad");
        bad.pointer_mut(at).expect("the pod has this part")[key] = value;
        let refused = message(world.try_create::<Pod>(bad).await);
        assert!(
            refused.contains("violates PodSecurity") && refused.contains(why),
            "{why}: {refused}"
        );
    }
    world.close().await;
}

#[tokio::test]
async fn a_pod_that_must_not_be_root_is_not_started_as_root() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "true")]);
    wanted["spec"]["securityContext"] = json!({"runAsNonRoot": true});
    world.create::<Pod>(wanted).await;
    let reason = "CreateContainerConfigError";
    world
        .until::<Pod>("p", |pod| {
            container(pod, "main")["state"]["waiting"]["reason"] == reason
        })
        .await;
    world.close().await;
}

#[tokio::test]
async fn a_pod_needs_its_service_account() {
    let world = World::new().await;
    let mut wanted = pod("p", &[shell("main", "true")]);
    wanted["spec"]["serviceAccountName"] = json!("runner");
    wanted["spec"]["automountServiceAccountToken"] = json!(false);
    assert!(
        message(world.try_create::<Pod>(wanted.clone()).await)
            .contains("serviceaccount \"runner\" not found")
    );
    world
        .create::<ServiceAccount>(json!({"metadata": {"name": "runner"}}))
        .await;
    world.create::<Pod>(wanted).await;
    assert_eq!(phase(&world.until("p", is_over).await), "Succeeded");
    world.close().await;
}
