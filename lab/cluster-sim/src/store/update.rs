//! Replacing and patching an object.

use std::sync::Arc;

use serde_json::{Value, json};

use super::State;
use super::create::{Write, check_type, create, place};
use crate::admission;
use crate::error::{ApiError, Result};
use crate::kinds::Kind;
use crate::object::{meta, name, text, uid};
use crate::patch::apply::{Manager, apply, record_update};
use crate::patch::{PatchKind, patched};

/// What is written: an object, and whether its status is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) kind: &'static Kind,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) status: bool,
}

impl Target<'_> {
    pub(crate) fn get(&self, state: &State) -> Result<Arc<Value>> {
        state
            .get(self.kind, self.namespace, self.name)
            .ok_or_else(|| ApiError::not_found(&self.kind.qualified(), self.name))
    }
}

/// Replaces an object as a PUT does.
pub(crate) fn replace(
    state: &mut State,
    target: Target<'_>,
    mut object: Value,
    write: &Write,
) -> Result<Arc<Value>> {
    check_type(target.kind, &object)?;
    place(target.kind, target.namespace, &mut object)?;
    if name(&object) != target.name {
        return Err(ApiError::bad_request(
            "the name of the object does not match the name on the URL",
        ));
    }
    let current = target.get(state)?;
    save(state, target, &current, object, write)
}

/// A patch and how it is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patch<'a> {
    pub(crate) kind: PatchKind,
    pub(crate) body: &'a Value,
    pub(crate) force: bool,
}

/// Patches an object as a PATCH does; an apply of what does not exist creates it. Tells whether it was created.
pub(crate) fn patch(
    state: &mut State,
    target: Target<'_>,
    patch: Patch<'_>,
    write: &Write,
) -> Result<(Arc<Value>, bool)> {
    if patch.kind == PatchKind::Apply {
        return apply_config(state, target, patch, write);
    }
    let current = target.get(state)?;
    let mut object = patched(patch.kind, &current, patch.body)?;
    // The version in a patch is a precondition only if the patch itself names it.
    let names_version = match patch.kind {
        PatchKind::Json => version_of(&object) != version_of(&current),
        _ => !version_of(patch.body).is_empty(),
    };
    if !names_version {
        meta(&mut object).remove("resourceVersion");
    }
    if name(&object) != target.name {
        let why = format!("Invalid value: {:?}: field is immutable", name(&object));
        return Err(ApiError::invalid(
            target.kind.name,
            target.name,
            "metadata.name",
            &why,
        ));
    }
    place(target.kind, target.namespace, &mut object)?;
    Ok((save(state, target, &current, object, write)?, false))
}

fn version_of(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion")
}

fn apply_config(
    state: &mut State,
    target: Target<'_>,
    patch: Patch<'_>,
    write: &Write,
) -> Result<(Arc<Value>, bool)> {
    let manager = write
        .manager
        .as_ref()
        .ok_or_else(|| ApiError::internal("apply needs a manager"))?;
    let mut config = patch.body.clone();
    if text(&config, "/apiVersion").is_empty() || text(&config, "/kind").is_empty() {
        return Err(ApiError::bad_request(
            "apply needs apiVersion and kind in the body",
        ));
    }
    check_type(target.kind, &config)?;
    if config
        .pointer("/metadata/managedFields")
        .is_some_and(|fields| !fields.is_null())
    {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let found = name(&config);
    if !found.is_empty() && found != target.name {
        return Err(ApiError::bad_request(
            "the name of the object does not match the name on the URL",
        ));
    }
    place(target.kind, target.namespace, &mut config)?;
    meta(&mut config).insert("name".into(), json!(target.name));
    admission::defaults::normalize(target.kind, &mut config);
    let Some(current) = state.get(target.kind, target.namespace, target.name) else {
        if target.status {
            return Err(ApiError::not_found(&target.kind.qualified(), target.name));
        }
        let start = json!({"apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": {}});
        let object = apply(&start, &config, manager, true)?;
        return Ok((create(state, target.kind, target.namespace, object, write)?, true));
    };
    let asked = version_of(&config).to_owned();
    if !asked.is_empty() && asked != version_of(&current) {
        return Err(ApiError::modified(&target.kind.qualified(), target.name));
    }
    let part = part_of(target, &config);
    let mut object = apply(&current, &part, manager, patch.force)?;
    for key in ["resourceVersion", "uid"] {
        if let Some(value) = config["metadata"].get(key) {
            meta(&mut object).insert(key.to_owned(), value.clone());
        } else {
            meta(&mut object).remove(key);
        }
    }
    let object = save(
        state,
        target,
        &current,
        object,
        &Write {
            manager: None,
            ..write.clone()
        },
    )?;
    Ok((object, false))
}

/// Gives the part of a configuration that this resource takes: the status, or all but the status.
fn part_of(target: Target<'_>, config: &Value) -> Value {
    if target.status {
        return json!({"apiVersion": config["apiVersion"], "kind": config["kind"], "status": config["status"]});
    }
    let mut part = config.clone();
    if target.kind.has_status {
        part.as_object_mut()
            .expect("its type was checked")
            .remove("status");
    }
    part
}

fn save(
    state: &mut State,
    target: Target<'_>,
    current: &Arc<Value>,
    object: Value,
    write: &Write,
) -> Result<Arc<Value>> {
    preconditions(target, current, &object)?;
    // Of an apply, which keeps its own books.
    let applied = object["metadata"].get("managedFields").cloned();
    let mut next = if target.status {
        with_status(current, &object)
    } else {
        with_main(target.kind, current, object)
    };
    match (&write.manager, applied) {
        (Some(writer), _) => {
            let writer = Manager {
                status: target.status,
                ..writer.clone()
            };
            record_update(Some(current), &mut next, &writer);
        }
        (None, Some(applied)) => drop(meta(&mut next).insert("managedFields".into(), applied)),
        (None, None) => drop(meta(&mut next).remove("managedFields")),
    }
    if !target.status {
        admission::defaults::fill(target.kind, &mut next);
        admission::validate::check(target.kind, &next)?;
        admission::validate::check_update(target.kind, current, &next)?;
        admission::admit_update(state, target.kind, current, &next)?;
    }
    if write.dry_run {
        return Ok(Arc::new(next));
    }
    Ok(state.settle(target.kind, current, next))
}

fn preconditions(target: Target<'_>, current: &Value, object: &Value) -> Result<()> {
    let asked = version_of(object);
    if !asked.is_empty() && asked != version_of(current) {
        return Err(ApiError::modified(&target.kind.qualified(), target.name));
    }
    let asked = uid(object);
    if !asked.is_empty() && asked != uid(current) {
        let why = format!(
            "Precondition failed: UID in precondition: {asked}, UID in object meta: {}",
            uid(current)
        );
        return Err(ApiError::conflict(&target.kind.qualified(), target.name, &why));
    }
    Ok(())
}

fn with_status(current: &Value, object: &Value) -> Value {
    let mut next = current.clone();
    let fields = next.as_object_mut().expect("stored objects are objects");
    match object.get("status") {
        Some(status) => drop(fields.insert("status".into(), status.clone())),
        None => drop(fields.remove("status")),
    }
    next
}

fn with_main(kind: &Kind, current: &Value, mut object: Value) -> Value {
    for system in [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ] {
        let kept = current["metadata"].get(system).cloned();
        let meta = meta(&mut object);
        match kept {
            Some(value) => drop(meta.insert(system.to_owned(), value)),
            None => drop(meta.remove(system)),
        }
    }
    if kind.has_status {
        let fields = object.as_object_mut().expect("its type was checked");
        match current.get("status") {
            Some(status) => drop(fields.insert("status".into(), status.clone())),
            None => drop(fields.remove("status")),
        }
    }
    object
}
