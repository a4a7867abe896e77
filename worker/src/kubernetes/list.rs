//! Everything of this installation. It is read namespace by namespace: the worker has no right to the others' Secrets.

use std::fmt::Debug;

use futures_util::{StreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Resource, ResourceExt};
use orchestrator::ports::cluster::{ClusterError, ObservedRunner, OwnedKind, OwnedObject};
use serde::de::DeserializeOwned;

use super::calls::{call, list};
use super::names::key_of;
use super::{Kubernetes, observe};

/// Namespaces read at the same time.
const AT_ONCE: usize = 4;

pub(super) async fn runners(cluster: &Kubernetes) -> Result<Vec<ObservedRunner>, ClusterError> {
    let found = namespaces(cluster).await?;
    Ok(each(found, |namespace| runners_of(cluster, namespace)).await)
}

/// Reads namespaces, several at once. One that cannot be read hides no other: what is missing from a list was never a
/// proof that it is gone.
async fn each<T, F>(namespaces: Vec<String>, read: impl Fn(String) -> F) -> Vec<T>
where
    F: Future<Output = Result<Vec<T>, ClusterError>>,
{
    let read = |namespace: String| {
        let reading = read(namespace.clone());
        async move { (namespace, reading.await) }
    };
    let mut reads = stream::iter(namespaces).map(read).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some((namespace, found)) = reads.next().await {
        match found {
            Ok(found) => all.extend(found),
            Err(error) => tracing::warn!(namespace, %error, "a namespace could not be read"),
        }
    }
    all
}

async fn runners_of(cluster: &Kubernetes, namespace: String) -> Result<Vec<ObservedRunner>, ClusterError> {
    let selector = cluster.names.all();
    let jobs: Vec<Job> = list(
        "list Jobs",
        &Api::namespaced(cluster.client.clone(), &namespace),
        &selector,
    )
    .await?;
    let pods: Vec<Pod> = list(
        "list pods",
        &Api::namespaced(cluster.client.clone(), &namespace),
        &selector,
    )
    .await?;
    let observed = jobs.iter().filter_map(|job| {
        let key = key_of(job.labels())?;
        let own: Vec<&Pod> = pods
            .iter()
            .filter(|pod| key_of(pod.labels()).as_ref() == Some(&key))
            .collect();
        Some(ObservedRunner {
            phase: observe::phase(job, &own),
            key,
        })
    });
    Ok(observed.collect())
}

/// Asks for one of our namespaces: the cheapest call that needs our account and its rights.
pub(super) async fn one(cluster: &Kubernetes) -> Result<(), ClusterError> {
    let params = ListParams::default().labels(&cluster.names.all()).limit(1);
    let namespaces: Api<PartialObjectMeta<Namespace>> = Api::all(cluster.client.clone());
    call("look for a Namespace", namespaces.list(&params))
        .await
        .map(drop)
}

pub(super) async fn owned(cluster: &Kubernetes) -> Result<Vec<OwnedObject>, ClusterError> {
    let found = namespaces(cluster).await?;
    Ok(each(found, |namespace| owned_in(cluster, namespace)).await)
}

async fn owned_in(cluster: &Kubernetes, namespace: String) -> Result<Vec<OwnedObject>, ClusterError> {
    let mut all = owned_of::<Job>(cluster, &namespace, OwnedKind::Job).await?;
    all.extend(owned_of::<Secret>(cluster, &namespace, OwnedKind::Secret).await?);
    all.extend(owned_of::<Pod>(cluster, &namespace, OwnedKind::Pod).await?);
    Ok(all)
}

async fn owned_of<K>(
    cluster: &Kubernetes,
    namespace: &str,
    kind: OwnedKind,
) -> Result<Vec<OwnedObject>, ClusterError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let api: Api<PartialObjectMeta<K>> = Api::namespaced(cluster.client.clone(), namespace);
    let now = cluster.clock.now();
    let what = match kind {
        OwnedKind::Job => "list owned Jobs",
        OwnedKind::Secret => "list owned Secrets",
        OwnedKind::Pod => "list owned pods",
    };
    let found = list(what, &api, &cluster.names.all()).await?;
    let describe = |object: &PartialObjectMeta<K>| OwnedObject {
        kind,
        namespace: namespace.to_owned(),
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
        key: key_of(object.labels()),
        // The two clocks may differ: nothing is younger than new.
        age_seconds: object
            .creation_timestamp()
            .map_or(0, |made| now.duration_since(made.0).as_secs().max(0)),
    };
    Ok(found.iter().map(describe).collect())
}

async fn namespaces(cluster: &Kubernetes) -> Result<Vec<String>, ClusterError> {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(cluster.client.clone());
    let found = list("list Namespaces", &api, &cluster.names.all()).await?;
    let ours = found
        .iter()
        .map(ResourceExt::name_any)
        .filter(|name| cluster.names.owns(name));
    Ok(ours.collect())
}
