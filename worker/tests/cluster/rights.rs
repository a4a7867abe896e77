//! What the adapter asked of the API, held against the roles of `deploy/base/worker`. The simulator checks no rights.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Method, Request};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use serde_json::Value;
use tower::util::MapRequestLayer;

const ROLES: &str = include_str!("../../../deploy/base/worker/cluster-role.yaml");

/// One call in the words of RBAC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    verb: &'static str,
    group: String,
    resource: String,
    /// In a namespace, or in the cluster as a whole.
    namespaced: bool,
}

/// All calls of the clients made from it.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<BTreeSet<Call>>>);

impl Heard {
    pub(crate) fn client(&self, config: kube::Config) -> Client {
        let heard = Arc::clone(&self.0);
        let listen = MapRequestLayer::new(move |request: Request<Body>| {
            heard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(calls(&request));
            request
        });
        ClientBuilder::try_from(config)
            .expect("a client")
            .with_layer(&listen)
            .build()
    }

    pub(crate) fn calls(&self) -> BTreeSet<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn calls(request: &Request<Body>) -> Vec<Call> {
    let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
    let (group, rest) = match &parts[..] {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        other => panic!("{other:?}"),
    };
    let (namespaced, rest) = match rest {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => (true, rest),
        rest => (false, rest),
    };
    let resource = match rest {
        [resource, _, sub] => format!("{resource}/{sub}"),
        [resource, ..] => (*resource).to_owned(),
        [] => panic!("{parts:?}"),
    };
    let query = request.uri().query().unwrap_or_default();
    let verbs: &[&'static str] = match *request.method() {
        Method::GET if query.contains("watch=true") => &["watch"],
        Method::GET if rest.len() == 1 => &["list"],
        Method::GET => &["get"],
        Method::POST => &["create"],
        // An apply of what is not there yet is a creation too.
        Method::PATCH if query.contains("force=true") => &["patch", "create"],
        Method::PATCH => &["patch"],
        Method::DELETE if rest.len() > 1 => &["delete"],
        _ => &["deletecollection"],
    };
    let call = |verb: &&'static str| Call {
        verb,
        group: group.to_owned(),
        resource: resource.clone(),
        namespaced,
    };
    verbs.iter().map(call).collect()
}

/// Whether the roles let the worker do this: the cluster-wide one everywhere, the other one in a runner namespace.
pub(crate) fn allow(call: &Call) -> bool {
    let everywhere = rules("codex-k8s-worker");
    let inside = if call.namespaced {
        rules("codex-k8s-runner-namespace")
    } else {
        Vec::new()
    };
    everywhere.iter().chain(&inside).any(|rule| {
        let has = |all: &Option<Vec<String>>, one: &str| all.iter().flatten().any(|found| found == one);
        has(&rule.api_groups, &call.group) && has(&rule.resources, &call.resource) && {
            rule.resource_names.is_none() && rule.verbs.iter().any(|verb| verb == call.verb)
        }
    })
}

fn rules(role: &str) -> Vec<PolicyRule> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(ROLES).expect("roles");
    let roles = documents
        .into_iter()
        .filter(|document| document["kind"] == "ClusterRole");
    let mut roles = roles.map(|document| serde_json::from_value::<ClusterRole>(document).expect("a role"));
    let found = roles
        .find(|found| found.metadata.name.as_deref() == Some(role))
        .expect("there");
    found.rules.expect("rules")
}
