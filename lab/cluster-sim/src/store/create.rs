//! Creating an object.

use std::sync::Arc;

use rand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use super::State;
use crate::admission;
use crate::clock;
use crate::error::{ApiError, Result};
use crate::kinds::{Kind, named};
use crate::object::{default, is_deleting, meta, name, namespace, text};
use crate::patch::apply::{Manager, record_update};

/// Who writes and how.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    /// Absent for the cluster's own controllers, whose fields nobody tracks.
    pub(crate) manager: Option<Manager>,
    pub(crate) dry_run: bool,
}

impl Write {
    pub(crate) fn internal() -> Self {
        Self {
            manager: None,
            dry_run: false,
        }
    }
}

/// Creates an object as a POST does: names it, fills in defaults, asks admission, stores it.
pub(crate) fn create(
    state: &mut State,
    kind: &'static Kind,
    in_namespace: &str,
    mut object: Value,
    write: &Write,
) -> Result<Arc<Value>> {
    check_type(kind, &object)?;
    place(kind, in_namespace, &mut object)?;
    if !text(&object, "/metadata/resourceVersion").is_empty() {
        return Err(ApiError::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    give_name(kind, &mut object)?;
    let name = name(&object).to_owned();
    if state.get(kind, in_namespace, &name).is_some() {
        return Err(ApiError::already_exists(&kind.qualified(), &name));
    }
    require_namespace(state, kind, in_namespace, &name)?;
    if kind.has_status {
        object
            .as_object_mut()
            .expect("its type was checked")
            .remove("status");
    }
    admission::defaults::fill(kind, &mut object);
    if let Some(manager) = &write.manager
        && object.pointer("/metadata/managedFields").is_none()
    {
        record_update(None, &mut object, manager);
    }
    begin(&mut object);
    admission::defaults::identify(kind, &mut object);
    admission::validate::check(kind, &object)?;
    admission::admit(state, kind, &mut object)?;
    if write.dry_run {
        return Ok(Arc::new(object));
    }
    let object = state.put(kind, object);
    if kind.is("Namespace") {
        furnish(state, &name);
    }
    Ok(object)
}

/// Gives a new namespace what each has: its default service account.
fn furnish(state: &mut State, namespace: &str) {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": namespace}});
    // It can only fail if the namespace is gone, and then it is not needed.
    create(
        state,
        named("ServiceAccount"),
        namespace,
        account,
        &Write::internal(),
    )
    .ok();
}

/// Checks that a body is of the kind that its path says; an absent type is filled in by the caller's path.
pub(crate) fn check_type(kind: &Kind, object: &Value) -> Result<()> {
    if !object.is_object() {
        return Err(ApiError::bad_request("the body must be a JSON object"));
    }
    let (found_version, found_kind) = (text(object, "/apiVersion"), text(object, "/kind"));
    let is_other = |found: &str, wanted: &str| !found.is_empty() && found != wanted;
    if is_other(found_version, &kind.api_version()) || is_other(found_kind, kind.name) {
        let wanted = format!("{}, Kind={}", kind.api_version(), kind.name);
        return Err(ApiError::bad_request(format!(
            "the body is a {found_version}, Kind={found_kind}; this path takes {wanted}"
        )));
    }
    Ok(())
}

/// Sets type and namespace from the path.
pub(crate) fn place(kind: &Kind, in_namespace: &str, object: &mut Value) -> Result<()> {
    let found = namespace(object);
    if kind.namespaced && !found.is_empty() && found != in_namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object["apiVersion"] = json!(kind.api_version());
    object["kind"] = json!(kind.name);
    let meta = meta(object);
    if kind.namespaced {
        meta.insert("namespace".into(), json!(in_namespace));
    } else {
        meta.remove("namespace");
    }
    Ok(())
}

fn begin(object: &mut Value) {
    let meta = meta(object);
    for system in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        meta.remove(system);
    }
    meta.insert("uid".into(), json!(Uuid::new_v4().to_string()));
    meta.insert("creationTimestamp".into(), json!(clock::stamp()));
    if object.get("spec").is_some() {
        object["metadata"]["generation"] = json!(1);
    }
}

fn give_name(kind: &Kind, object: &mut Value) -> Result<()> {
    if name(object).is_empty() {
        let prefix = text(object, "/metadata/generateName").to_owned();
        if prefix.is_empty() {
            return Err(ApiError::invalid(
                kind.name,
                "",
                "metadata.name",
                "name or generateName is required",
            ));
        }
        default(
            &mut object["metadata"],
            "name",
            json!(format!("{prefix}{}", suffix())),
        );
    }
    let name = name(object);
    let is_path_safe = kind.group.starts_with("rbac.");
    let allowed = |letter: char| {
        letter.is_ascii_lowercase()
            || letter.is_ascii_digit()
            || "-.".contains(letter)
            || (is_path_safe && !"/%".contains(letter))
    };
    let ends_well =
        |end: Option<char>| end.is_some_and(|letter| is_path_safe || letter.is_ascii_alphanumeric());
    let longest = if matches!(kind.name, "Namespace" | "Job" | "Service") {
        63
    } else {
        253
    };
    if !name.chars().all(allowed)
        || !ends_well(name.chars().next())
        || !ends_well(name.chars().last())
        || name.len() > longest
    {
        let why = format!(
            "Invalid value: {name:?}: must be at most {longest} lower case alphanumeric characters, '-' or '.', \
             and start and end with an alphanumeric character"
        );
        return Err(ApiError::invalid(kind.name, name, "metadata.name", &why));
    }
    Ok(())
}

/// Gives the five letters that Kubernetes appends to a generated name.
pub(crate) fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut random = rand::rng();
    (0..5)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}

fn require_namespace(state: &State, kind: &Kind, in_namespace: &str, name: &str) -> Result<()> {
    if !kind.namespaced {
        return Ok(());
    }
    let Some(namespace) = state.get(named("Namespace"), "", in_namespace) else {
        return Err(ApiError::not_found("namespaces", in_namespace));
    };
    if !is_deleting(&namespace) {
        return Ok(());
    }
    let mut error = ApiError::forbidden(format!(
        "{} \"{name}\" is forbidden: unable to create new content in namespace {in_namespace} because it is being \
         terminated",
        kind.qualified()
    ));
    error.causes = vec![
        json!({"reason": "NamespaceTerminating", "field": "metadata.namespace",
        "message": format!("namespace {in_namespace} is being terminated")}),
    ];
    Err(error)
}
