//! The namespace controller: everything inside goes before the namespace itself.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock;
use crate::kinds::{Kind, named};
use crate::object::{is_deleting, list, name, namespace, set_condition};
use crate::store::State;
use crate::store::delete::{DeleteOptions, Propagation, discard};

pub(super) fn reconcile(state: &mut State) {
    let kind = named("Namespace");
    let ending: Vec<Arc<Value>> = state
        .list(kind, None)
        .filter(|space| is_deleting(space))
        .cloned()
        .collect();
    for space in ending {
        empty(state, name(&space));
        let left: Vec<&'static Kind> = state
            .all()
            .filter(|(kind, object)| kind.namespaced && namespace(object) == name(&space))
            .map(|(kind, _)| kind)
            .collect();
        if left.is_empty() {
            state.modify(kind, &space, |space| {
                let finalizers = list(space, "/spec/finalizers").iter();
                let kept: Vec<Value> = finalizers.filter(|item| *item != "kubernetes").cloned().collect();
                space["spec"]["finalizers"] = json!(kept);
            });
        } else {
            say_what_is_left(state, &space, &left);
        }
    }
}

fn empty(state: &mut State, space: &str) {
    let found: Vec<(&'static Kind, Arc<Value>)> = state
        .all()
        .filter(|(kind, object)| kind.namespaced && namespace(object) == space && !is_deleting(object))
        .map(|(kind, object)| (kind, Arc::clone(object)))
        .collect();
    let options = DeleteOptions {
        propagation_policy: Some(Propagation::Background),
        ..DeleteOptions::default()
    };
    for (kind, object) in found {
        discard(state, kind, &object, &options);
    }
}

fn say_what_is_left(state: &mut State, space: &Value, left: &[&'static Kind]) {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for kind in left {
        match counts.iter_mut().find(|(known, _)| *known == kind.qualified()) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind.qualified(), 1)),
        }
    }
    let parts: Vec<String> = counts
        .iter()
        .map(|(kind, count)| format!("{kind} has {count} resource instances"))
        .collect();
    state.modify(named("Namespace"), space, |space| {
        set_condition(
            &mut space["status"],
            json!({"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
                "message": format!("Some resources are remaining: {}", parts.join(", ")),
                "lastTransitionTime": clock::stamp()}),
        );
    });
}
