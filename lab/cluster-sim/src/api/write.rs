//! POST, PUT, PATCH, DELETE.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::path::Target;
use super::query::Query;
use super::{Api, format, read};
use crate::error::{ApiError, Result};
use crate::object::{list, name, namespace, text, uid};
use crate::patch::PatchKind;
use crate::store::delete::{DeleteOptions, Propagation, propagation};
use crate::store::update::{Patch, Target as Stored};
use crate::store::{create as creating, delete as deleting, update as updating};

fn shown(code: StatusCode, target: &Target, query: &Query, object: &Value) -> Response {
    (code, axum::Json(format::one(query.shape(), target.kind, object))).into_response()
}

pub(super) fn create(api: &Api, target: &Target, query: &Query, body: Value) -> Result<Response> {
    if target.name.is_some() || (target.kind.namespaced && target.namespace.is_none()) {
        return Err(ApiError::method_not_allowed());
    }
    let write = query.write()?;
    let object = api
        .store
        .write(|state| creating::create(state, target.kind, target.namespace(), body, &write))?;
    Ok(shown(StatusCode::CREATED, target, query, &object))
}

pub(super) fn replace(api: &Api, target: &Target, query: &Query, body: Value) -> Result<Response> {
    let write = query.write()?;
    let object = api
        .store
        .write(|state| updating::replace(state, target.in_store()?, body, &write))?;
    Ok(shown(StatusCode::OK, target, query, &object))
}

pub(super) fn patch(api: &Api, target: &Target, query: &Query, body: &Value) -> Result<Response> {
    let kind = query.patch_kind()?;
    let write = query.write()?;
    if kind == PatchKind::Apply && query.get("fieldManager").is_none() {
        return Err(ApiError::invalid(
            "PatchOptions",
            "",
            "fieldManager",
            "is required for apply patch",
        ));
    }
    let patch = Patch {
        kind,
        body,
        force: query.flag("force"),
    };
    let (object, is_new) = api
        .store
        .write(|state| updating::patch(state, target.in_store()?, patch, &write))?;
    let code = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(shown(code, target, query, &object))
}

/// Lets a namespace's finalizers be changed, as its own subresource does.
pub(super) fn finalize(api: &Api, target: &Target, body: &Value) -> Result<Response> {
    let object = api.store.write(|state| {
        let current = target.in_store()?.get(state)?;
        let mut next = (*current).clone();
        next["spec"]["finalizers"] = json!(list(body, "/spec/finalizers"));
        Ok::<_, ApiError>(state.settle(target.kind, &current, next))
    })?;
    Ok(axum::Json(&*object).into_response())
}

pub(super) fn evict(api: &Api, target: &Target, body: &Value) -> Result<Response> {
    let options = options(body.get("deleteOptions").cloned().unwrap_or_default())?;
    let stored = Stored {
        status: false,
        ..target.in_store()?
    };
    api.store
        .write(|state| deleting::delete(state, stored, &options))?;
    Ok((StatusCode::CREATED, axum::Json(success(&json!({})))).into_response())
}

pub(super) fn delete(api: &Api, target: &Target, query: &Query, body: Value) -> Result<Response> {
    let mut options = options(body)?;
    if let Some(policy) = query.get("propagationPolicy") {
        let policy: Propagation = serde_json::from_value(json!(policy))
            .map_err(|error| ApiError::bad_request(format!("propagationPolicy: {error}")))?;
        options.propagation_policy = Some(policy);
    }
    if let Some(seconds) = query.number("gracePeriodSeconds")? {
        options.grace_period_seconds = i64::try_from(seconds).ok();
    }
    if query.write()?.dry_run {
        options.dry_run = vec!["All".to_owned()];
    }
    if target.name.is_none() {
        return delete_collection(api, target, query, &options);
    }
    let deleted = api
        .store
        .write(|state| deleting::delete(state, target.in_store()?, &options))?;
    let object = &*deleted.object;
    // A real server shows what it deleted only for a few kinds, and whatever still stands.
    let shows = !deleted.is_gone || matches!(target.kind.name, "Pod" | "ServiceAccount" | "ResourceQuota");
    let mut response = if shows {
        axum::Json(object).into_response()
    } else {
        let details = json!({"name": name(object), "kind": target.kind.plural, "group": target.kind.group,
            "uid": uid(object)});
        axum::Json(success(&details)).into_response()
    };
    let is_silent = options.propagation_policy.is_none() && options.orphan_dependents.is_none();
    if is_silent && propagation(target.kind, &options) == Propagation::Orphan {
        let warning = "299 - \"child pods are preserved by default when jobs are deleted; set \
            propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning\"";
        response
            .headers_mut()
            .insert(header::WARNING, HeaderValue::from_static(warning));
    }
    Ok(response)
}

fn delete_collection(api: &Api, target: &Target, query: &Query, options: &DeleteOptions) -> Result<Response> {
    let selector = read::selector(target, query)?;
    if target.kind.namespaced && target.namespace.is_none() {
        return Err(ApiError::method_not_allowed());
    }
    let (objects, version) = api.store.write(|state| {
        let found: Vec<_> = state
            .list(target.kind, target.namespace.as_deref())
            .filter(|object| selector.matches(object))
            .cloned()
            .collect();
        for object in &found {
            let one = Stored {
                kind: target.kind,
                namespace: namespace(object),
                name: name(object),
                status: false,
            };
            deleting::delete(state, one, options)?;
        }
        Ok::<_, ApiError>((found, state.version()))
    })?;
    let metadata = json!({"resourceVersion": version.to_string()});
    let body = format::many(
        query.shape(),
        target.kind,
        objects.iter().map(|object| &**object),
        &metadata,
    );
    Ok(axum::Json(body).into_response())
}

fn options(body: Value) -> Result<DeleteOptions> {
    // Some clients send the object itself or nothing; only `DeleteOptions` says how to delete.
    if !matches!(text(&body, "/kind"), "DeleteOptions" | "") || body.is_null() {
        return Ok(DeleteOptions::default());
    }
    serde_json::from_value(body).map_err(|error| ApiError::bad_request(format!("DeleteOptions: {error}")))
}

fn success(details: &Value) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
