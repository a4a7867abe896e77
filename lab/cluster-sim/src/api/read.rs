//! GET: one object, or a page of a list.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::path::Target;
use super::query::Query;
use super::{Api, format};
use crate::error::{ApiError, Result};
use crate::object::{name, namespace};
use crate::store::State;
use crate::store::selector::Selector;

pub(super) fn get_or_list(api: &Api, target: &Target, query: &Query) -> Result<Response> {
    if target.name.is_none() {
        return list(api, target, query);
    }
    let object = api.store.read(|state| target.in_store()?.get(state))?;
    Ok(axum::Json(format::one(query.shape(), target.kind, &object)).into_response())
}

/// Reads both selectors; a collection's path with a name narrows like a field selector, as watches of one object do.
pub(super) fn selector(target: &Target, query: &Query) -> Result<Selector> {
    let mut fields = query.get("fieldSelector").unwrap_or_default().to_owned();
    if let Some(name) = &target.name {
        fields = format!("{fields},metadata.name={name}");
    }
    Selector::parse(
        target.kind,
        query.get("labelSelector").unwrap_or_default(),
        &fields,
    )
}

/// Where a page goes on: the version of the first page, and the last key shown.
struct Continue {
    version: u64,
    after: (String, String),
}

impl Continue {
    fn read(token: &str) -> Result<Self> {
        let unreadable =
            || ApiError::bad_request("the continue token is not one of ours: list from the start");
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| unreadable())?;
        let (version, namespace, name) = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
        Ok(Self {
            version,
            after: (namespace, name),
        })
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!([self.version, self.after.0, self.after.1]).to_string())
    }
}

fn list(api: &Api, target: &Target, query: &Query) -> Result<Response> {
    let selector = selector(target, query)?;
    let limit = query.number("limit")?.filter(|limit| *limit > 0);
    let start = query.get("continue").map(Continue::read).transpose()?;
    let (objects, metadata) = api.store.read(|state| {
        check_version(state, query)?;
        page(state, target, &selector, limit, start.as_ref())
    })?;
    let body = format::many(
        query.shape(),
        target.kind,
        objects.iter().map(|object| &**object),
        &metadata,
    );
    Ok(axum::Json(body).into_response())
}

fn check_version(state: &State, query: &Query) -> Result<()> {
    let asked = query.number("resourceVersion")?.unwrap_or(0);
    if asked > state.version() {
        return Err(ApiError::version_too_large(asked, state.version()));
    }
    if query.get("resourceVersionMatch") == Some("Exact") && asked != state.version() {
        return Err(ApiError::expired(
            "the simulator keeps no old lists: list at the present version",
        ));
    }
    Ok(())
}

fn page(
    state: &State,
    target: &Target,
    selector: &Selector,
    limit: Option<u64>,
    start: Option<&Continue>,
) -> Result<(Vec<Arc<Value>>, Value)> {
    let version = start.map_or(state.version(), |start| start.version);
    if state.since(version).is_none() {
        return Err(ApiError::expired(
            "The provided continue parameter is too old: list from the start",
        ));
    }
    let key = |object: &Value| (namespace(object).to_owned(), name(object).to_owned());
    let mut objects: Vec<Arc<Value>> = state
        .list(target.kind, target.namespace.as_deref())
        .filter(|object| start.is_none_or(|start| key(object) > start.after))
        .filter(|object| selector.matches(object))
        .cloned()
        .collect();
    // All pages carry the version of the first one: a watch from there sees what changed in between.
    let mut metadata = json!({"resourceVersion": version.to_string()});
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX);
    if objects.len() > limit {
        metadata["remainingItemCount"] = json!(objects.len() - limit);
        objects.truncate(limit);
        if let Some(last) = objects.last() {
            metadata["continue"] = json!(
                Continue {
                    version,
                    after: key(last)
                }
                .write()
            );
        }
    }
    Ok((objects, metadata))
}
