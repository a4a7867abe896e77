//! `ResourceQuota`: what a namespace uses, and whether one more fits.
//!
//! Scopes of a quota are not looked at: each quota counts everything.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::quantity::{format, parse};
use crate::error::{ApiError, Result};
use crate::kinds::{Kind, named};
use crate::object::{list, map, name, namespace, text};
use crate::store::State;

type Amounts = BTreeMap<String, i128>;

const UNIT: i128 = 1_000_000_000;

/// Lets an object in if every quota of its namespace has room for it.
///
/// # Errors
///
/// `Forbidden`, at once: a full quota, or a pod that does not say what a quota counts.
pub(super) fn admit(state: &State, kind: &'static Kind, object: &Value) -> Result<()> {
    if !kind.namespaced {
        return Ok(());
    }
    let space = namespace(object);
    for quota in state.list(named("ResourceQuota"), Some(space)) {
        let hard = hard(quota);
        let asked: Amounts = charge(kind, object)
            .into_iter()
            .filter(|(key, _)| hard.contains_key(key))
            .collect();
        let refuse = |why: String| {
            Err(ApiError::forbidden(format!(
                "{} \"{}\" is forbidden: {why}",
                kind.qualified(),
                name(object)
            )))
        };
        if kind.is("Pod")
            && let Some(missing) = unspecified(object, &hard)
        {
            return refuse(format!("failed quota: {}: must specify {missing}", name(quota)));
        }
        if asked.is_empty() {
            continue;
        }
        let used = used(state, space, &hard);
        let over: Vec<&String> = asked
            .iter()
            .filter(|(key, amount)| used[*key] + **amount > hard[*key])
            .map(|(key, _)| key)
            .collect();
        if !over.is_empty() {
            let show = |amounts: &Amounts| {
                let parts: Vec<String> = over
                    .iter()
                    .map(|key| format!("{key}={}", format(amounts[*key])))
                    .collect();
                parts.join(",")
            };
            return refuse(format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                name(quota),
                show(&asked),
                show(&used),
                show(&hard)
            ));
        }
    }
    Ok(())
}

/// Gives the status of a quota: its bounds and what is used of them.
pub(crate) fn status(state: &State, quota: &Value) -> Value {
    let hard = hard(quota);
    let mut status = json!({"hard": quota["spec"]["hard"], "used": {}});
    for (key, amount) in used(state, namespace(quota), &hard) {
        map(&mut status, "used").insert(key, json!(format(amount)));
    }
    status
}

fn hard(quota: &Value) -> Amounts {
    let hard = quota.pointer("/spec/hard").and_then(Value::as_object);
    hard.into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), amount(value)?)))
        .collect()
}

/// Reads a quantity, which YAML may have made a number.
fn amount(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn used(state: &State, space: &str, hard: &Amounts) -> Amounts {
    let mut used: Amounts = hard.keys().map(|key| (key.clone(), 0)).collect();
    let objects = state
        .all()
        .filter(|(kind, object)| kind.namespaced && namespace(object) == space);
    for (kind, object) in objects {
        for (key, amount) in charge(kind, object) {
            if let Some(sum) = used.get_mut(&key) {
                *sum += amount;
            }
        }
    }
    used
}

/// Gives what one object takes from a quota.
fn charge(kind: &Kind, object: &Value) -> Amounts {
    let count = if kind.group.is_empty() {
        format!("count/{}", kind.plural)
    } else {
        format!("count/{}.{}", kind.plural, kind.group)
    };
    let mut charge = Amounts::from([(count, UNIT)]);
    if matches!(
        kind.plural,
        "pods" | "secrets" | "configmaps" | "services" | "resourcequotas" | "persistentvolumeclaims"
    ) {
        charge.insert(kind.plural.to_owned(), UNIT);
    }
    if !kind.is("Pod") {
        return charge;
    }
    // A pod that has ended counts as an object, but no longer as a pod and uses nothing.
    if matches!(text(object, "/status/phase"), "Succeeded" | "Failed") {
        charge.remove("pods");
        return charge;
    }
    for part in ["requests", "limits"] {
        for (key, sum) in pod_resources(object, part) {
            if part == "requests" && matches!(key.as_str(), "cpu" | "memory") {
                charge.insert(key.clone(), sum);
            }
            charge.insert(format!("{part}.{key}"), sum);
        }
    }
    charge
}

/// Gives what a pod's containers ask for together. Sidecars run beside the main containers; of the other init
/// containers only the greediest counts.
pub(crate) fn pod_resources(pod: &Value, part: &str) -> Amounts {
    let mut sum = Amounts::new();
    let mut peak = Amounts::new();
    let of = |container: &Value| -> Amounts {
        container["resources"][part]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), amount(value)?)))
            .collect()
    };
    for container in list(pod, "/spec/initContainers") {
        let is_sidecar = container["restartPolicy"] == "Always";
        for (key, value) in of(container) {
            let beside = sum.entry(key.clone()).or_insert(0);
            let now = *beside + value;
            if is_sidecar {
                *beside = now;
            }
            let highest = peak.entry(key).or_insert(0);
            *highest = (*highest).max(now);
        }
    }
    for container in list(pod, "/spec/containers") {
        for (key, value) in of(container) {
            *sum.entry(key).or_insert(0) += value;
        }
    }
    for (key, value) in peak {
        let total = sum.entry(key).or_insert(0);
        *total = (*total).max(value);
    }
    sum
}

/// Names the resources that a quota counts and a container does not state.
fn unspecified(pod: &Value, hard: &Amounts) -> Option<String> {
    let mut missing = Vec::new();
    for key in hard.keys() {
        let (part, resource) = match key.split_once('.') {
            Some(split @ ("requests" | "limits", "cpu" | "memory")) => split,
            None if matches!(key.as_str(), "cpu" | "memory") => ("requests", key.as_str()),
            _ => continue,
        };
        let lacking: Vec<&str> = super::containers(pod)
            .filter(|container| container["resources"][part].get(resource).is_none())
            .map(|container| text(container, "/name"))
            .collect();
        if !lacking.is_empty() {
            missing.push(format!("{key} for: {}", lacking.join(",")));
        }
    }
    (!missing.is_empty()).then(|| missing.join("; "))
}
