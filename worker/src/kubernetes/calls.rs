//! Every call to the cluster goes through here: one deadline, one way to write.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use orchestrator::ports::cluster::ClusterError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{classify, classify_silently};
use super::names::FIELD_MANAGER;
use crate::outward::outward;

/// The cluster's whole answer to one call must be there by then.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Objects per page of a list.
const PAGE: u32 = 500;

/// Bounds a call and translates its refusal.
pub(super) async fn call<T>(
    what: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    within(what, call).await?.map_err(|error| classify(what, &error))
}

/// As [`call`], for what carries a secret: the refusal does not quote the cluster.
pub(super) async fn call_silently<T>(
    what: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    within(what, call)
        .await?
        .map_err(|error| classify_silently(what, &error))
}

/// Bounds a call whose refusal the caller reads itself. What it does, in words, also names its fault points.
pub(super) async fn within<T>(
    what: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<kube::Result<T>, ClusterError> {
    let late = || ClusterError::Unavailable(format!("{what}: no answer within {} s", DEADLINE.as_secs()));
    let request = what.replace(' ', "_").to_lowercase();
    outward("kubernetes", &request, tokio::time::timeout(DEADLINE, call))
        .await
        .map_err(|_| late())
}

/// Makes the object exist as given. Asking twice changes nothing.
pub(super) async fn apply<K>(what: &str, api: &Api<K>, object: &K) -> Result<(), ClusterError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
{
    let name = object.name_any();
    let params = PatchParams::apply(FIELD_MANAGER).force();
    call(what, api.patch(&name, &params, &Patch::Apply(object)))
        .await
        .map(|_| ())
}

/// Lists all pages. `PartialObjectMeta<K>` lists without the contents: of a Secret nobody needs more.
pub(super) async fn list<K>(what: &str, api: &Api<K>, selector: &str) -> Result<Vec<K>, ClusterError>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut params = ListParams::default().labels(selector).limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = call(what, api.list(&params)).await?;
        let next = page.metadata.continue_.clone().filter(|token| !token.is_empty());
        all.extend(page.items);
        let Some(next) = next else { return Ok(all) };
        params = params.continue_token(&next);
    }
}
