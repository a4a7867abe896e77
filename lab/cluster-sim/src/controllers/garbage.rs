//! The garbage collector: dependents go with their owners, or are let go.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::kinds::{Kind, named};
use crate::object::{
    FOREGROUND, ORPHAN, flag, has_finalizer, is_deleting, is_owned_by, list, meta, name, namespace,
    remove_finalizer, text, uid,
};
use crate::store::State;
use crate::store::delete::{DeleteOptions, Propagation, discard};

type Found = (&'static Kind, Arc<Value>);

pub(super) fn reconcile(state: &mut State) {
    let found = dependents(state);
    let owners: Vec<Found> = state
        .all()
        .filter(|(_, object)| {
            is_deleting(object) && (has_finalizer(object, FOREGROUND) || has_finalizer(object, ORPHAN))
        })
        .map(|(kind, object)| (kind, Arc::clone(object)))
        .collect();
    for (kind, owner) in &owners {
        if has_finalizer(owner, ORPHAN) {
            orphan(state, kind, owner, &found);
        } else {
            wait_for_dependents(state, kind, owner, &found);
        }
    }
    collect(state);
}

fn dependents(state: &State) -> Vec<Found> {
    state
        .all()
        .filter(|(_, object)| !list(object, "/metadata/ownerReferences").is_empty())
        .map(|(kind, object)| (kind, Arc::clone(object)))
        .collect()
}

/// Removes the references to an owner that leaves its dependents behind.
fn orphan(state: &mut State, kind: &'static Kind, owner: &Value, dependents: &[Found]) {
    for (dependent_kind, dependent) in dependents
        .iter()
        .filter(|(_, object)| is_owned_by(object, uid(owner)))
    {
        state.modify(dependent_kind, dependent, |object| {
            let references = meta(object)
                .get_mut("ownerReferences")
                .and_then(Value::as_array_mut);
            let Some(references) = references else { return };
            references.retain(|reference| text(reference, "/uid") != uid(owner));
            if references.is_empty() {
                meta(object).remove("ownerReferences");
            }
        });
    }
    state.modify(kind, owner, |object| remove_finalizer(object, ORPHAN));
}

/// Deletes the dependents of an owner; it goes once none is left that blocks it.
fn wait_for_dependents(state: &mut State, kind: &'static Kind, owner: &Value, dependents: &[Found]) {
    let mut blocks = false;
    for (dependent_kind, dependent) in dependents
        .iter()
        .filter(|(_, object)| is_owned_by(object, uid(owner)))
    {
        if !is_deleting(dependent) {
            let options = DeleteOptions {
                propagation_policy: Some(Propagation::Foreground),
                ..DeleteOptions::default()
            };
            discard(state, dependent_kind, dependent, &options);
        }
        let still_there = state
            .get(dependent_kind, namespace(dependent), name(dependent))
            .is_some_and(|found| uid(&found) == uid(dependent));
        blocks |= still_there
            && list(dependent, "/metadata/ownerReferences")
                .iter()
                .any(|reference| {
                    text(reference, "/uid") == uid(owner) && flag(reference, "/blockOwnerDeletion")
                });
    }
    if !blocks {
        state.modify(kind, owner, |object| remove_finalizer(object, FOREGROUND));
    }
}

/// Deletes what no living owner holds. An owner of another namespace does not count.
fn collect(state: &mut State) {
    let dependents = dependents(state);
    let living: HashSet<(String, String)> = state
        .all()
        .map(|(_, object)| (namespace(object).to_owned(), uid(object).to_owned()))
        .collect();
    for (kind, dependent) in dependents.iter().filter(|(_, object)| !is_deleting(object)) {
        let is_held = list(dependent, "/metadata/ownerReferences")
            .iter()
            .any(|reference| {
                let known =
                    crate::kinds::referenced(text(reference, "/apiVersion"), text(reference, "/kind"));
                let space = if known.is_some_and(|kind| kind.namespaced) {
                    namespace(dependent)
                } else {
                    ""
                };
                // An owner of a kind we do not know may exist elsewhere: keep what it owns.
                known.is_none() || living.contains(&(space.to_owned(), text(reference, "/uid").to_owned()))
            });
        if !is_held {
            let options = DeleteOptions {
                propagation_policy: Some(Propagation::Background),
                ..DeleteOptions::default()
            };
            discard(state, kind, dependent, &options);
        }
    }
}

/// Tells whether the Job that made a pod is gone.
pub(super) fn has_lost_its_job(state: &State, pod: &Value) -> bool {
    let owner = crate::object::controller(pod).filter(|owner| owner["kind"] == "Job");
    let Some(owner) = owner else { return true };
    state
        .get(named("Job"), namespace(pod), text(owner, "/name"))
        .is_none_or(|job| uid(&job) != text(owner, "/uid"))
}
