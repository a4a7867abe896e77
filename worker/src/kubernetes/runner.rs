//! The life of one runner's objects: prepared, released, removed, proven gone.

use std::fmt::Debug;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, Resource, ResourceExt};
use orchestrator::ports::cluster::{
    ClusterError, OwnedKind, OwnedObject, RunnerKey, RunnerPod, RunnerSecret,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::calls::{call, call_silently, list, within};
use super::error::classify;
use super::names::{FIELD_MANAGER, runner_name};
use super::{Kubernetes, manifest};

pub(super) async fn prepare(
    cluster: &Kubernetes,
    pod: &RunnerPod,
    secret: &RunnerSecret,
) -> Result<(), ClusterError> {
    let job = ensure_job(cluster, pod).await?;
    let uid = job
        .uid()
        .ok_or_else(|| ClusterError::Unavailable("the cluster gave the Job no uid".to_owned()))?;
    let secrets: Api<Secret> = api(cluster, &pod.key);
    let wanted = manifest::secret(&cluster.names, &pod.key, &uid, secret);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let (name, patch) = (runner_name(&pod.key), Patch::Apply(&wanted));
    call_silently("apply Secret", secrets.patch(&name, &params, &patch))
        .await
        .map(|_| ())
}

/// Creates the Job, or finds the one that an earlier call created: it may already be released, so it is not written
/// again.
async fn ensure_job(cluster: &Kubernetes, pod: &RunnerPod) -> Result<Job, ClusterError> {
    let jobs: Api<Job> = api(cluster, &pod.key);
    let wanted = manifest::job(&cluster.names, &cluster.config, pod);
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    match within("create Job", jobs.create(&params, &wanted)).await? {
        Ok(created) => return Ok(created),
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(classify("create Job", &error)),
    }
    let found = call("get the Job that was there", jobs.get(&runner_name(&pod.key))).await?;
    require_alive(cluster, &pod.key, &found)?;
    Ok(found)
}

pub(super) async fn release(cluster: &Kubernetes, key: &RunnerKey) -> Result<(), ClusterError> {
    let jobs: Api<Job> = api(cluster, key);
    let name = runner_name(key);
    let Some(job) = call("get the Job to release", jobs.get_opt(&name)).await? else {
        return Err(ClusterError::Refused(format!(
            "Job {name} is not there; prepare the runner first"
        )));
    };
    require_alive(cluster, key, &job)?;
    if job.spec.as_ref().and_then(|spec| spec.suspend) == Some(false) {
        return Ok(());
    }
    // The uid makes the cluster refuse the write should another Job bear the name by now.
    let patch = json!({"metadata": {"uid": job.uid()}, "spec": {"suspend": false}});
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    call("release Job", jobs.patch(&name, &params, &Patch::Merge(&patch)))
        .await
        .map(|_| ())
}

fn require_alive(cluster: &Kubernetes, key: &RunnerKey, job: &Job) -> Result<(), ClusterError> {
    cluster.names.require(key, Some(job.labels()))?;
    if job.metadata.deletion_timestamp.is_some() {
        return Err(ClusterError::Refused(format!(
            "Job {} is being removed",
            job.name_any()
        )));
    }
    Ok(())
}

/// Deletes the Job, and with it what it owns; without a Job, whatever else bears the runner's labels.
pub(super) async fn remove(cluster: &Kubernetes, key: &RunnerKey) -> Result<(), ClusterError> {
    let jobs: Api<Job> = api(cluster, key);
    if let Some(job) = call("get the Job to remove", jobs.get_opt(&runner_name(key))).await? {
        cluster.names.require(key, Some(job.labels()))?;
        return delete(
            &jobs,
            &job.name_any(),
            &job.uid().unwrap_or_default(),
            &foreground(),
        )
        .await;
    }
    let selector = cluster.names.runner(key);
    delete_all(&api::<PartialObjectMeta<Secret>>(cluster, key), &selector).await?;
    delete_all(&api::<PartialObjectMeta<Pod>>(cluster, key), &selector).await
}

async fn delete_all<K>(api: &Api<K>, selector: &str) -> Result<(), ClusterError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    for object in list(&format!("list left {}", K::plural(&())), api, selector).await? {
        let uid = object.uid().unwrap_or_default();
        delete(api, &object.name_any(), &uid, &DeleteParams::default()).await?;
    }
    Ok(())
}

/// The proof that frees a slot. Neither read names a resource version, so both are answered from a quorum.
pub(super) async fn gone(cluster: &Kubernetes, key: &RunnerKey) -> Result<bool, ClusterError> {
    let jobs: Api<Job> = api(cluster, key);
    match within("look for the Job", jobs.get(&runner_name(key))).await? {
        Ok(_) => return Ok(false),
        // The reason, not only the code: a proxy on the way can answer 404 too.
        Err(kube::Error::Api(status)) if status.reason == "NotFound" => {}
        Err(error) => return Err(classify("look for the Job", &error)),
    }
    let pods: Api<PartialObjectMeta<Pod>> = api(cluster, key);
    let params = ListParams::default().labels(&cluster.names.runner(key)).limit(1);
    Ok(call("look for a pod", pods.list(&params)).await?.items.is_empty())
}

pub(super) async fn remove_owned(cluster: &Kubernetes, object: &OwnedObject) -> Result<(), ClusterError> {
    if !cluster.names.owns(&object.namespace) || object.uid.is_empty() {
        return Err(ClusterError::Refused(format!(
            "{}/{} is not ours",
            object.namespace, object.name
        )));
    }
    let client = cluster.client.clone();
    let (namespace, name, uid) = (&object.namespace, &object.name, &object.uid);
    let default = DeleteParams::default();
    match object.kind {
        OwnedKind::Job => delete::<Job>(&Api::namespaced(client, namespace), name, uid, &foreground()).await,
        OwnedKind::Secret => delete::<Secret>(&Api::namespaced(client, namespace), name, uid, &default).await,
        OwnedKind::Pod => delete::<Pod>(&Api::namespaced(client, namespace), name, uid, &default).await,
    }
}

/// The Job stays until its pods are gone, so that its absence says something.
fn foreground() -> DeleteParams {
    DeleteParams::foreground()
}

/// Deletes exactly the object with this uid; gone already, or replaced by another, is as good.
async fn delete<K>(api: &Api<K>, name: &str, uid: &str, how: &DeleteParams) -> Result<(), ClusterError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let only = Preconditions {
        uid: Some(uid.to_owned()),
        resource_version: None,
    };
    let params = how.clone().preconditions(only);
    let what = format!("delete {}", K::kind(&()));
    match within(&what, api.delete(name, &params)).await? {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        Err(error) => Err(classify(&what, &error)),
    }
}

fn api<K>(cluster: &Kubernetes, key: &RunnerKey) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    Api::namespaced(cluster.client.clone(), &cluster.names.namespace(&key.project))
}
