//! Deleting an object: preconditions, grace, finalizers, propagation.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::update::Target;
use crate::clock;
use crate::error::{ApiError, Result};
use crate::kinds::Kind;
use crate::object::{
    FOREGROUND, ORPHAN, add_finalizer, finalizers, integer, is_deleting, list, meta, name, namespace, text,
    uid,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Propagation {
    Foreground,
    Background,
    Orphan,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

/// `DeleteOptions`, as the body or the query says them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeleteOptions {
    pub(crate) grace_period_seconds: Option<i64>,
    pub(crate) propagation_policy: Option<Propagation>,
    pub(crate) orphan_dependents: Option<bool>,
    pub(crate) preconditions: Option<Preconditions>,
    pub(crate) dry_run: Vec<String>,
}

/// What a deletion led to.
#[derive(Debug, Clone)]
pub(crate) struct Deleted {
    pub(crate) object: Arc<Value>,
    /// False while grace or a finalizer holds the object.
    pub(crate) is_gone: bool,
}

/// Tells whether nothing holds a deleted object any more.
pub(crate) fn may_go(kind: &Kind, object: &Value) -> bool {
    let is_held = match kind.name {
        "Pod" => integer(object, "/metadata/deletionGracePeriodSeconds").unwrap_or(0) > 0,
        "Namespace" => !list(object, "/spec/finalizers").is_empty(),
        _ => false,
    };
    is_deleting(object) && finalizers(object).is_empty() && !is_held
}

/// Deletes an object as a DELETE does.
///
/// # Errors
///
/// `NotFound`, or `Conflict` if a precondition does not hold.
pub(crate) fn delete(state: &mut State, target: Target<'_>, options: &DeleteOptions) -> Result<Deleted> {
    let Target { kind, .. } = target;
    let current = target.get(state)?;
    check(target, &current, options.preconditions.as_ref())?;
    if kind.is("Namespace") && matches!(target.name, "default" | "kube-system") {
        return Err(ApiError::forbidden(format!(
            "namespaces \"{}\" is forbidden: this namespace may not be deleted",
            target.name
        )));
    }
    let mut object = (*current).clone();
    let policy = propagation(kind, options);
    match policy {
        Propagation::Foreground => add_finalizer(&mut object, FOREGROUND),
        Propagation::Orphan if has_dependents(state, &current) => add_finalizer(&mut object, ORPHAN),
        Propagation::Orphan | Propagation::Background => {}
    }
    let grace = if kind.is("Pod") {
        pod_grace(&object, options)
    } else {
        0
    };
    let asked_before = integer(&object, "/metadata/deletionGracePeriodSeconds");
    // A second deletion may shorten the grace, never lengthen it.
    if !is_deleting(&object) || asked_before.is_some_and(|before| grace < before) {
        let until = clock::now() + SignedDuration::from_secs(grace);
        let meta = meta(&mut object);
        meta.insert("deletionTimestamp".into(), json!(clock::seconds(until)));
        meta.insert("deletionGracePeriodSeconds".into(), json!(grace));
    }
    if kind.is("Namespace") {
        object["status"]["phase"] = json!("Terminating");
    }
    let is_gone = may_go(kind, &object);
    if !options.dry_run.is_empty() {
        return Ok(Deleted {
            object: Arc::new(object),
            is_gone,
        });
    }
    if is_gone {
        let object = state
            .remove(kind, target.namespace, target.name)
            .unwrap_or(current);
        return Ok(Deleted { object, is_gone });
    }
    Ok(Deleted {
        object: state.put(kind, object),
        is_gone,
    })
}

/// Removes an object on behalf of a controller, at once unless a finalizer holds it; asking twice changes nothing.
pub(crate) fn discard(state: &mut State, kind: &'static Kind, of: &Value, options: &DeleteOptions) {
    let target = Target {
        kind,
        namespace: namespace(of),
        name: name(of),
        status: false,
    };
    let is_same = target.get(state).is_ok_and(|current| uid(&current) == uid(of));
    if is_same {
        // The only refusals left are races that already removed it.
        delete(state, target, options).ok();
    }
}

/// Says how dependents are treated. A Job of `batch/v1` orphans its pods unless asked otherwise, as a real cluster does.
pub(crate) fn propagation(kind: &Kind, options: &DeleteOptions) -> Propagation {
    match (options.propagation_policy, options.orphan_dependents) {
        (Some(policy), _) => policy,
        (None, Some(true)) => Propagation::Orphan,
        (None, None) if kind.is("Job") => Propagation::Orphan,
        (None, _) => Propagation::Background,
    }
}

fn check(target: Target<'_>, current: &Value, wanted: Option<&Preconditions>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let refuse = |what: &str, asked: &str, found: &str| {
        let why =
            format!("Precondition failed: {what} in precondition: {asked}, {what} in object meta: {found}");
        Err(ApiError::conflict(&target.kind.qualified(), target.name, &why))
    };
    if let Some(asked) = &wanted.uid
        && asked != uid(current)
    {
        return refuse("UID", asked, uid(current));
    }
    let found = text(current, "/metadata/resourceVersion");
    match &wanted.resource_version {
        Some(asked) if asked != found => refuse("ResourceVersion", asked, found),
        _ => Ok(()),
    }
}

/// Gives the grace of a pod: none for one that never reached a node or has ended.
fn pod_grace(pod: &Value, options: &DeleteOptions) -> i64 {
    let is_over = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    if text(pod, "/spec/nodeName").is_empty() || is_over {
        return 0;
    }
    let own = integer(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    options.grace_period_seconds.unwrap_or(own).max(0)
}

fn has_dependents(state: &State, owner: &Value) -> bool {
    state
        .all()
        .any(|(_, object)| crate::object::is_owned_by(object, uid(owner)))
}
