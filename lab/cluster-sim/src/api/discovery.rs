//! What the server offers: versions, groups, resources.

use axum::response::{IntoResponse, Response};
use http::header;
use serde_json::{Value, json};

use super::openapi;
use super::path::Route;
use super::query::Query;
use crate::error::{ApiError, Result};
use crate::kinds::{KINDS, Kind, groups};

/// The version whose behaviour the simulator follows.
const MAJOR_MINOR: (&str, &str) = ("1", "36");

const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

pub(super) fn answer(route: &Route, query: &Query) -> Result<Response> {
    if let Some(version) = query.aggregated_discovery() {
        match route {
            Route::CoreVersions => return Ok(aggregated(version, &[""])),
            Route::Groups => return Ok(aggregated(version, &groups())),
            _ => {}
        }
    }
    let body = match route {
        Route::Version => version(),
        Route::CoreVersions => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        Route::Groups => {
            let groups: Vec<Value> = groups().iter().map(|name| group(name)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        Route::Group(name) if groups().contains(&name.as_str()) => group(name),
        Route::Resources(group, version) => resources(group, version)?,
        Route::OpenApiIndex => openapi::index(),
        Route::OpenApi(group, version) => openapi::document(group, version)?,
        _ => return Err(ApiError::no_such_path()),
    };
    Ok(axum::Json(body).into_response())
}

fn version() -> Value {
    let (major, minor) = MAJOR_MINOR;
    json!({"major": major, "minor": minor, "gitVersion": format!("v{major}.{minor}.0+cluster-sim"),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "rustc", "platform": "linux/amd64"})
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": [version.clone()],
        "preferredVersion": version})
}

fn of_group(group: &str) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(move |kind| kind.group == group)
}

/// Names the subresources of a kind with their verbs.
fn subresources(kind: &Kind) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found = Vec::new();
    if kind.has_status {
        found.push(("status", vec!["get", "patch", "update"]));
    }
    match kind.name {
        "Pod" => found.extend([("log", vec!["get"]), ("eviction", vec!["create"])]),
        "Namespace" => found.push(("finalize", vec!["update"])),
        _ => {}
    }
    found
}

fn resources(group: &str, version: &str) -> Result<Value> {
    let mut list = Vec::new();
    for kind in of_group(group).filter(|kind| kind.version == version) {
        let categories = if kind.in_all { json!(["all"]) } else { json!([]) };
        list.push(
            json!({"name": kind.plural, "singularName": kind.name.to_lowercase(),
            "namespaced": kind.namespaced, "kind": kind.name, "verbs": VERBS, "shortNames": kind.short,
            "categories": categories}),
        );
        for (name, verbs) in subresources(kind) {
            list.push(
                json!({"name": format!("{}/{name}", kind.plural), "singularName": "",
                "namespaced": kind.namespaced, "kind": kind.name, "verbs": verbs}),
            );
        }
    }
    if list.is_empty() {
        return Err(ApiError::no_such_path());
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Ok(
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list}),
    )
}

/// Gives aggregated discovery, without which some clients find nothing and report no error. kubectl knows it only by its
/// content type.
fn aggregated(version: &str, groups: &[&'static str]) -> Response {
    let items: Vec<Value> = groups
        .iter()
        .map(|group| {
            let resources: Vec<Value> = of_group(group).map(aggregated_resource).collect();
            json!({"metadata": {"name": group, "creationTimestamp": null},
                "versions": [{"version": "v1", "freshness": "Current", "resources": resources}]})
        })
        .collect();
    let api_version = format!("apidiscovery.k8s.io/{version}");
    let body =
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items});
    let content_type = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    ([(header::CONTENT_TYPE, content_type)], body.to_string()).into_response()
}

fn aggregated_resource(kind: &'static Kind) -> Value {
    let response = json!({"group": kind.group, "version": kind.version, "kind": kind.name});
    let subresources: Vec<Value> = subresources(kind)
        .into_iter()
        .map(|(name, verbs)| json!({"subresource": name, "responseKind": response, "verbs": verbs}))
        .collect();
    json!({"resource": kind.plural, "responseKind": response,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.name.to_lowercase(), "verbs": VERBS, "shortNames": kind.short,
        "categories": if kind.in_all { json!(["all"]) } else { json!([]) }, "subresources": subresources})
}

/// Allows everything: the simulator has one user and no RBAC, and says so.
pub(super) fn access_review(mut review: Value) -> Value {
    if !review.is_object() {
        review = json!({});
    }
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    review["kind"] = json!("SelfSubjectAccessReview");
    review["status"] =
        json!({"allowed": true, "reason": "the cluster simulator stores roles and enforces none"});
    review
}
