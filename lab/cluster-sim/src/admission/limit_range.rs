//! `LimitRange`: defaults and bounds of a container's resources.

use serde_json::Value;

use super::containers;
use super::defaults::default_resource;
use super::quantity::{format, parse};
use crate::error::{ApiError, Result};
use crate::kinds::named;
use crate::object::{list, name, namespace, text};
use crate::store::State;

/// Fills in the defaults of the namespace's limit ranges, then checks their bounds.
pub(super) fn apply(state: &State, pod: &mut Value) -> Result<()> {
    let space = namespace(pod).to_owned();
    let ranges: Vec<_> = state.list(named("LimitRange"), Some(&space)).cloned().collect();
    let limits = || {
        ranges
            .iter()
            .flat_map(|range| list(range, "/spec/limits"))
            .filter(|limit| limit["type"] == "Container")
    };
    for limit in limits() {
        for part in ["initContainers", "containers"] {
            for container in pod["spec"]
                .get_mut(part)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                fill(container, limit);
            }
        }
    }
    for limit in limits() {
        for container in containers(pod) {
            check(pod, container, limit)?;
        }
    }
    Ok(())
}

fn fill(container: &mut Value, limit: &Value) {
    for (part, source) in [("limits", "default"), ("requests", "defaultRequest")] {
        for (key, value) in limit.get(source).and_then(Value::as_object).into_iter().flatten() {
            default_resource(container, part, key, value);
        }
    }
    // Without a default request, the default limit is asked for.
    for (key, value) in limit
        .get("default")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        default_resource(container, "requests", key, value);
    }
}

fn check(pod: &Value, container: &Value, limit: &Value) -> Result<()> {
    for (bound, part) in [("max", "limits"), ("min", "requests")] {
        for (key, edge) in limit.get(bound).and_then(Value::as_object).into_iter().flatten() {
            let edge = edge.as_str().and_then(parse).unwrap_or(0);
            let found = text(&container["resources"][part], &format!("/{key}"));
            let word = if bound == "max" { "maximum" } else { "minimum" };
            let refuse = |why: String| {
                Err(ApiError::forbidden(format!(
                    "pods \"{}\" is forbidden: {word} {key} usage per Container is {}, but {why}",
                    name(pod),
                    format(edge)
                )))
            };
            match parse(found) {
                None => return refuse(format!("no {} is specified", part.trim_end_matches('s'))),
                Some(value) if (bound == "max" && value > edge) || (bound == "min" && value < edge) => {
                    return refuse(format!("{} is {found}", part.trim_end_matches('s')));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}
