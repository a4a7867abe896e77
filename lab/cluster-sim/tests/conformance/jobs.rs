//! Jobs, as the product makes them.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{World, container, job, phase, refusal};

fn condition(job: &Job, kind: &str) -> Option<String> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let found = conditions
        .iter()
        .find(|found| found.type_ == kind && found.status == "True")?;
    Some(found.reason.clone().unwrap_or_default())
}

fn is_finished(job: &Job) -> bool {
    condition(job, "Complete").is_some() || condition(job, "Failed").is_some()
}

async fn pods_of(world: &World, job: &str) -> Vec<Pod> {
    let params = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
    world.api::<Pod>().list(&params).await.expect("a list").items
}

async fn running_pod(world: &World, job: &str) -> Pod {
    loop {
        let pods = pods_of(world, job).await;
        if let Some(pod) = pods.into_iter().find(|pod| phase(pod) == "Running") {
            return pod;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
}

#[tokio::test]
async fn a_job_runs_to_completion() {
    let world = World::new().await;
    world.create::<Job>(job("work", "echo done")).await;
    let done = world.until::<Job>("work", is_finished).await;
    assert!(condition(&done, "Complete").is_some());
    let status = done.status.as_ref().expect("a status");
    assert_eq!(
        (status.succeeded, status.failed, status.active),
        (Some(1), None, None)
    );
    assert!(status.start_time.is_some() && status.completion_time.is_some());
    let pods = pods_of(&world, "work").await;
    assert_eq!(pods.len(), 1);
    let labels = pods[0].labels();
    assert_eq!(
        labels["batch.kubernetes.io/controller-uid"],
        done.uid().expect("a uid")
    );
    let owner = &pods[0].owner_references()[0];
    assert_eq!((owner.kind.as_str(), owner.controller), ("Job", Some(true)));
    assert_eq!(world.log(&pods[0].name_any(), "main").await, "done\n");
    world.close().await;
}

#[tokio::test]
async fn a_job_without_retries_fails_with_its_first_pod() {
    let world = World::new().await;
    world.create::<Job>(job("work", "exit 3")).await;
    let done = world.until::<Job>("work", is_finished).await;
    assert_eq!(
        condition(&done, "Failed").as_deref(),
        Some("BackoffLimitExceeded")
    );
    let pods = pods_of(&world, "work").await;
    assert_eq!(pods.len(), 1);
    assert_eq!(container(&pods[0], "main")["state"]["terminated"]["exitCode"], 3);
    world.close().await;
}

#[tokio::test]
async fn a_suspended_job_waits_for_its_secret() {
    let world = World::new().await;
    let mut wanted = job("work", "cat /secret/key");
    wanted["spec"]["suspend"] = json!(true);
    let pod = &mut wanted["spec"]["template"]["spec"];
    pod["volumes"] = json!([{"name": "s", "secret": {"secretName": "work"}}]);
    pod["containers"][0]["volumeMounts"] = json!([{"name": "s", "mountPath": "/secret", "readOnly": true}]);
    let made: Job = world.create(wanted).await;
    world
        .until::<Job>("work", |job| condition(job, "Suspended").is_some())
        .await;
    assert!(pods_of(&world, "work").await.is_empty());
    let secret = json!({"metadata": {"name": "work", "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job",
        "name": "work", "uid": made.uid(), "controller": true, "blockOwnerDeletion": true}]},
        "stringData": {"key": "value"}});
    world.create::<Secret>(secret).await;
    let patch = json!({"spec": {"suspend": false}});
    world
        .api::<Job>()
        .patch("work", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("accepted");
    let done = world.until::<Job>("work", is_finished).await;
    assert!(condition(&done, "Complete").is_some());
    let pod = pods_of(&world, "work").await.remove(0);
    assert_eq!(world.log(&pod.name_any(), "main").await, "value");
    world
        .api::<Job>()
        .delete("work", &DeleteParams::background())
        .await
        .expect("accepted");
    world.until_gone::<Secret>("work").await;
    world.until_gone::<Pod>(&pod.name_any()).await;
    world.close().await;
}

#[tokio::test]
async fn a_job_that_takes_too_long_is_stopped() {
    let world = World::new().await;
    let mut wanted = job("work", "trap 'exit 0' TERM; while true; do sleep 0.1; done");
    wanted["spec"]["activeDeadlineSeconds"] = json!(1);
    world.create::<Job>(wanted).await;
    let done = world.until::<Job>("work", is_finished).await;
    assert_eq!(condition(&done, "Failed").as_deref(), Some("DeadlineExceeded"));
    world.close().await;
}

#[tokio::test]
async fn a_finished_job_goes_after_its_time() {
    let world = World::new().await;
    let mut wanted = job("work", "true");
    wanted["spec"]["ttlSecondsAfterFinished"] = json!(1);
    world.create::<Job>(wanted).await;
    world.until_gone::<Job>("work").await;
    while !pods_of(&world, "work").await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    world.close().await;
}

#[tokio::test]
async fn a_job_deleted_without_a_policy_leaves_its_pod() {
    let world = World::new().await;
    world.create::<Job>(job("work", "sleep 0.2")).await;
    world.until::<Job>("work", is_finished).await;
    world
        .api::<Job>()
        .delete("work", &DeleteParams::default())
        .await
        .expect("accepted");
    world.until_gone::<Job>("work").await;
    let pods = pods_of(&world, "work").await;
    assert_eq!(pods.len(), 1);
    assert!(pods[0].owner_references().is_empty());
    world.close().await;
}

#[tokio::test]
async fn a_foreground_deletion_keeps_the_job_until_its_pod_is_gone() {
    let world = World::new().await;
    world
        .create::<Job>(job(
            "work",
            "trap 'sleep 1; exit 0' TERM; while true; do sleep 0.1; done",
        ))
        .await;
    let pod = running_pod(&world, "work").await;
    world
        .api::<Job>()
        .delete("work", &DeleteParams::foreground())
        .await
        .expect("accepted");
    let held = world.api::<Job>().get("work").await.expect("it is still there");
    assert!(held.metadata.deletion_timestamp.is_some());
    assert!(held.finalizers().contains(&"foregroundDeletion".to_owned()));
    world.until_gone::<Job>("work").await;
    let left = world
        .api::<Pod>()
        .get_opt(&pod.name_any())
        .await
        .expect("the API answers");
    assert!(left.is_none());
    world.close().await;
}

#[tokio::test]
async fn suspending_a_job_removes_its_pod() {
    let world = World::new().await;
    world
        .create::<Job>(job("work", "trap 'exit 0' TERM; while true; do sleep 0.1; done"))
        .await;
    let pod = running_pod(&world, "work").await;
    let patch = json!({"spec": {"suspend": true}});
    world
        .api::<Job>()
        .patch("work", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("accepted");
    world.until_gone::<Pod>(&pod.name_any()).await;
    let job = world
        .until::<Job>("work", |job| condition(job, "Suspended").is_some())
        .await;
    assert_eq!(job.status.and_then(|status| status.failed), None);
    world.close().await;
}

#[tokio::test]
async fn a_pod_that_is_deleted_is_replaced_only_after_its_end() {
    let world = World::new().await;
    let mut wanted = job(
        "work",
        "trap 'sleep 1; exit 1' TERM; while true; do sleep 0.1; done",
    );
    wanted["spec"]["backoffLimit"] = json!(3);
    world.create::<Job>(wanted).await;
    let first = running_pod(&world, "work").await;
    world
        .api::<Pod>()
        .delete(&first.name_any(), &DeleteParams::default())
        .await
        .expect("accepted");
    let at_once = pods_of(&world, "work").await;
    assert_eq!(at_once.len(), 1, "podReplacementPolicy Failed waits");
    world
        .until::<Job>("work", |job| {
            job.status.as_ref().and_then(|status| status.failed) == Some(1)
        })
        .await;
    world.close().await;
}

#[tokio::test]
async fn the_template_of_a_job_never_changes() {
    let world = World::new().await;
    world.create::<Job>(job("work", "true")).await;
    let patch: Value = json!({"spec": {"template": {"spec": {"activeDeadlineSeconds": 5}}}});
    let refused = world
        .api::<Job>()
        .patch("work", &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    assert_eq!(refusal(refused), (422, "Invalid".to_owned()));
    let mut always = job("other", "true");
    always["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    assert_eq!(
        refusal(world.try_create::<Job>(always).await),
        (422, "Invalid".to_owned())
    );
    world.close().await;
}
